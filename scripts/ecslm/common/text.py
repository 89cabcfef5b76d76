"""Parts of texts: quoted values, suggestions for misspelt names, titles with codes."""

import difflib
from collections.abc import Iterable

# Characters of a quoted value.
MOST_SHOWN = 60


def shown(value: object, most: int = MOST_SHOWN) -> str:
    """Quote a value with `repr`, which shows control characters, cut to `most` characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."


def number_of(number: int, noun: str) -> str:
    """So many things, whose plural ends with s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_code(title: str, code: str) -> str:
    """What a task is called where its code is told too, which may be all of its title."""
    return title if title == code else f"{title} ({code})"


def nearest(name: str, valid: Iterable[str]) -> str:
    """A phrase that suggests the nearest valid name or, if none is near, lists all."""
    names = sorted(name for name in valid if isinstance(name, str))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f": did you mean `{close[0]}`?"
    return f": expected one of {', '.join(names)}" if names else ""
