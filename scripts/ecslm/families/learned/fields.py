"""The parts of a record's input and options as texts, and the form of its answers."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ecslm.schemas.fields import OPTION, is_nothing, parse_list
from ecslm.schemas.record import Record

Fields = dict[str, list[str]]
"""Texts by the path of their keys: one of each, or the items of a list."""

WORD = re.compile(r"\w+")
SENTENCE = re.compile(r"(?<=[.!?])\s+")


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


def frequent(inputs: Sequence[Fields], most: int) -> list[str]:
    """The paths that most inputs have."""
    counts = Counter(name for fields in inputs for name in fields)
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


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


def passages(record: Record) -> list[str]:
    """Texts that an answer may be copied from: the items of the longest list of the input and
    their sentences, or the sentences of its longest text."""
    longest = _longest(fields_of(record.input))
    sentences = [one.strip() for text in longest for one in SENTENCE.split(text) if one.strip()]
    return list(dict.fromkeys([*longest, *sentences] if len(longest) > 1 else sentences or longest))


def first_word_asked(record: Record) -> str:
    """The first word of what is asked: of the fields but the one with the passages."""
    fields = fields_of(record.input)
    others = (" ".join(texts) for texts in fields.values() if texts is not _longest(fields))
    return next(iter(words(" ".join(others))), "")


def _longest(fields: Fields) -> list[str]:
    return max(fields.values(), key=lambda texts: sum(map(len, texts)))


def word_f1(answer: str, right: str) -> float:
    """The F1 of the words of a text, as in SQuAD (Rajpurkar et al., 2016)."""
    given, wanted = Counter(words(answer)), Counter(words(right))
    total = given.total() + wanted.total()
    return 2 * (given & wanted).total() / total if total else 1.0


def options_of(record: Record) -> dict[str, str]:
    """The texts of a record's options by their letters."""
    return lettered(record.options or ())


def right_letter(record: Record) -> str:
    """The letter of the right option, from a reference that is a letter or an option's text."""
    answer = record.output.strip().lower()
    for letter, text in options_of(record).items():
        if answer in (letter.lower(), text.lower(), f"{letter}: {text}".lower()):
            return letter
    return ""


def right_option(record: Record) -> str:
    """The text of the right option."""
    return options_of(record).get(right_letter(record), "")


def writes_texts(train: Sequence[Record]) -> bool:
    """Whether references are whole options rather than their letters."""
    return 2 * sum(len(record.output.strip()) > 1 for record in train) > len(train)


def as_answer(record: Record, letter: str, texts: bool) -> str:
    """An option as references write it."""
    if not texts:
        return letter
    return next(
        (option for option in record.options or () if option.lstrip().startswith(letter)), letter
    )
