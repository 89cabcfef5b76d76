"""Finding single letters in prose, for the lenient parsers of choices and rankings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# A single capital letter, or a lower-case letter marked as an option, as in "b)" or "b:". Not the
# letters in "it's", "e.g.", "T-shirt" or "A&E".
_ALONE = re.compile(r"(?<![\w'\u2019.&-])(?:[A-Z](?![\w'\u2019&-]|\.\w)|[a-z](?=[:)]))")
_WORD_FOLLOWS = re.compile(r"\s+[a-z]")


class Mention(NamedTuple):
    """A letter that a text mentions, and the characters `start` to `end` of the mention."""

    start: int
    end: int
    letter: str


def letters_alone(text: str) -> Iterator[Mention]:
    """Single letters in order, as capitals, without the English words `A` and `I`.

    `I` before a lower-case word is the pronoun. `A` before one is the article if it begins a
    sentence ("A customer said", but not "option A is right").
    """
    for match in _ALONE.finditer(text):
        if not _is_word(text, match):
            yield Mention(match.start(), match.end(), match[0].upper())


def _is_word(text: str, match: re.Match[str]) -> bool:
    if match[0] not in "AI" or not _WORD_FOLLOWS.match(text, match.end()):
        return False
    before = text[: match.start()].rstrip(" \"'\u201c\u2018(")
    return match[0] == "I" or not before or before[-1] in ".!?\n"
