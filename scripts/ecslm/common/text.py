"""Tables in plain text: rows whose columns stand below one another."""

import difflib
from collections.abc import Collection, Iterable, Sequence


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """One line a row; the columns at the places `right` end, and the others begin, in line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        texts = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(texts).rstrip())
    return lines


def nearest(name: str, valid: Iterable[str]) -> str:
    """A phrase that offers the nearest valid name, or lists a few."""
    names = sorted(name for name in valid if isinstance(name, str))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f": did you mean `{close[0]}`?"
    return f": valid are {', '.join(names)}" if names else ""
