"""The parts of a record's input and options, as texts."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ecslm.schemas.answers import OPTION
from ecslm.schemas.fields import is_nothing, parse_list
from ecslm.schemas.record import Record

Fields = dict[str, list[str]]
"""Texts by the path of their keys: one of each, or the items of a list."""

WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


def fields_of(text: str) -> Fields:
    """The fields of an input: an object, a list, or a text, which is one field without a name."""
    try:
        value = parse_list(text)
    except ValueError:
        value = text
    fields: Fields = {}
    for path, part in _parts(value, ""):
        fields.setdefault(path, []).append(part)
    return fields or {"": [text]}


def _parts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(inner, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, path)
    elif not is_nothing(value):
        yield path, str(value)


def lettered(options: Sequence[str]) -> dict[str, str]:
    """The texts of options by their letters; those without letters get A, B, ... in order."""
    matches = [OPTION.fullmatch(option) for option in options]
    return {
        match[1] if match else chr(ord("A") + number): (match[2] if match else option).strip()
        for number, (match, option) in enumerate(zip(matches, options, strict=True))
    }


def ranked_items(record: Record) -> dict[str, str]:
    """The texts that a ranking orders, by letter: the first list of the input that has letters, or
    the longest list."""
    lists = [items for items in fields_of(record.input).values() if len(items) > 1]
    with_letters = [items for items in lists if all(map(OPTION.fullmatch, items))]
    return lettered(max(with_letters or lists, key=len, default=[]))
