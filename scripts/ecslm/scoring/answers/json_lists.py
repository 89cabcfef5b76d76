"""Finding JSON lists of objects in a text, in steps that grow no faster than the text's length.

To let `json` try each bracket takes minutes for an answer of brackets alone, as models write that
repeat themselves: each try reads the same brackets again. Here is kept what a try has found of all
lists that begin in it, also that they have no end.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

# Lists and objects inside each other. `json` gives up somewhat below 1,000; where, decides how
# deeply its caller was called.
MOST_NESTED = 500

_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_TOKEN = re.compile(
    rf"[ \t\n\r]*+(?:(?P<mark>[\[\]{{}},:])|(?P<string>{_STRING})"
    r"|-?(?P<whole>0|[1-9][0-9]*+)(?P<more>(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?)"
    r"|true|false|null|NaN|-?Infinity)"
)


def lists_of_objects(text: str, keys: frozenset[str]) -> Iterator[list[dict[str, Any]]]:
    """The JSON lists in a text whose items are objects with these keys, by their start.

    Lists inside of lists and of strings count too, and so do empty ones.
    """
    lists = _Lists(text, keys)
    start = text.find("[")
    while start >= 0:
        found = lists.at(start)
        if found is not None and found.fits and found.nested <= MOST_NESTED:
            yield json.loads(text[start : found.end])
        start = text.find("[", start + 1)


class _Next(Enum):
    """What may follow in a list or object."""

    ITEM_OR_END = auto()
    KEY_OR_END = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    COMMA_OR_END = auto()


@dataclass(frozen=True)
class _Found:
    """A list that has an end."""

    end: int
    nested: int
    fits: bool


@dataclass
class _Open:
    """A list or object whose end is not reached yet."""

    start: int
    is_list: bool
    nested: int = 0
    fits: bool = True
    keys: set[str] = field(default_factory=set)

    def add(self, nested: int, fits: bool) -> None:
        """Note a value of it."""
        self.nested, self.fits = max(self.nested, nested), self.fits and fits


class _Lists:
    """The lists of a text, read when they are asked for."""

    def __init__(self, text: str, keys: frozenset[str]) -> None:
        self._text, self._keys = text, keys
        self._known: dict[int, _Found | None] = {}

    def at(self, start: int) -> _Found | None:
        """The list that begins with a bracket of the text; None if none does."""
        if start not in self._known:
            stack: list[_Open] = []
            if not self._read(start, stack):
                # What is open has no end.
                self._known |= {one.start: None for one in stack if one.is_list}
        return self._known[start]

    def _read(self, position: int, stack: list[_Open]) -> bool:
        """Read a list and note it with all lists in it; False if it has no end."""
        following = _Next.VALUE
        while match := _TOKEN.match(self._text, position):
            position, mark = match.end(), match["mark"]
            if mark in ("[", "{"):
                if following not in (_Next.VALUE, _Next.ITEM_OR_END):
                    return False
                start, is_list = match.start("mark"), mark == "["
                if not is_list or start not in self._known:
                    stack.append(_Open(start, is_list))
                    following = _Next.ITEM_OR_END if is_list else _Next.KEY_OR_END
                    continue
                if (known := self._known[start]) is None:
                    return False
                position = known.end
                stack[-1].add(known.nested, fits=False)
                following = _Next.COMMA_OR_END
            elif mark in ("]", "}"):
                if not _may_end(stack[-1], mark, following):
                    return False
                self._end(stack, position)
                if not stack:
                    return True
                following = _Next.COMMA_OR_END
            elif mark == ",":
                if following is not _Next.COMMA_OR_END:
                    return False
                following = _Next.VALUE if stack[-1].is_list else _Next.KEY
            elif mark == ":":
                if following is not _Next.COLON:
                    return False
                following = _Next.VALUE
            elif following in (_Next.KEY, _Next.KEY_OR_END):
                if match["string"] is None:
                    return False
                stack[-1].keys.add(json.loads(match["string"]))
                following = _Next.COLON
            elif following in (_Next.VALUE, _Next.ITEM_OR_END) and _is_readable(match):
                stack[-1].add(0, fits=False)
                following = _Next.COMMA_OR_END
            else:
                return False
        return False

    def _end(self, stack: list[_Open], end: int) -> None:
        one = stack.pop()
        nested = one.nested + 1
        if one.is_list:
            self._known[one.start] = _Found(end, nested, one.fits)
        if stack:
            stack[-1].add(nested, fits=not one.is_list and self._keys <= one.keys)


def _may_end(one: _Open, mark: str, following: _Next) -> bool:
    """Whether a closing bracket ends a list or object."""
    empty = _Next.ITEM_OR_END if one.is_list else _Next.KEY_OR_END
    return one.is_list == (mark == "]") and following in (empty, _Next.COMMA_OR_END)


def _is_readable(token: re.Match[str]) -> bool:
    """Whether Python reads a token: it refuses whole numbers with too many digits."""
    if token["whole"] is None or token["more"]:
        return True
    most = sys.get_int_max_str_digits()
    return not most or len(token["whole"]) <= most
