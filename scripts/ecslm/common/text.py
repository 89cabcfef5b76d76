"""Texts for people: quoted values, numbers with nouns, suggestions for misspelt names."""

import difflib
from collections.abc import Iterable

# Characters of a quoted value.
MOST_SHOWN = 60


def shown(value: object, most: int = MOST_SHOWN) -> str:
    """Quote a value with `repr`, which shows control characters, cut to `most` characters."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."


def one_line(text: object) -> str:
    """A text with one space in place of each line break, and of other spaces."""
    return " ".join(str(text).split())


def number_of(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends with s, for example `1 file` and `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, valid: Iterable[str]) -> str:
    """A phrase that suggests the nearest valid name or, if none is near, lists all."""
    names = sorted(name for name in valid if isinstance(name, str))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f": did you mean `{close[0]}`?"
    return f": expected one of {', '.join(names)}" if names else ""
