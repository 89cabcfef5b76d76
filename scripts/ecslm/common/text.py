"""Words of messages: wrong values as they are quoted, and the valid name that was meant."""

import difflib
from collections.abc import Iterable

# Of a wrong value.
MOST_SHOWN = 60


def shown(value: object, most: int = MOST_SHOWN) -> str:
    """A value as Python writes it, so that control characters show, cut short."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."


def nearest(name: str, valid: Iterable[str]) -> str:
    """A phrase that offers the nearest valid name, or lists a few."""
    names = sorted(name for name in valid if isinstance(name, str))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f": did you mean `{close[0]}`?"
    return f": valid are {', '.join(names)}" if names else ""
