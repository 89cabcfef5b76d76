"""Parsing answers that choose one of the record's lettered options, to the capital letter."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from ecslm.common.errors import Problem
from ecslm.schemas.fields import OPTION
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.letters import Mention, letters_alone

_ANSWER = re.compile(r"([A-Za-z])(?:[:.)](.*))?", re.DOTALL)
_BETWEEN = re.compile(r"[\s:.)]*")


def problems(prediction: ScoredPrediction) -> list[Problem]:
    """Options that are missing or have no letter; a reference that is not an option."""
    if not prediction.options:
        message = "missing; a choice cannot be scored without its options"
        return [Problem(message, field="options")]
    broken = [option for option in prediction.options if not OPTION.fullmatch(option)]
    if broken:
        return [
            Problem(f"{option!r} lacks its letter and colon", field="options", kind="letter")
            for option in broken
        ]
    if len(_options(prediction)) < len(prediction.options):
        return [Problem("two options have the same letter", field="options")]
    if _parse(prediction.reference, _options(prediction)) is None:
        message = f"{prediction.reference!r} is not one of the record's options"
        return [Problem(message, field="reference", kind="unknown")]
    return []


def reference(prediction: ScoredPrediction) -> str:
    """The letter of the correct option."""
    letter = _parse(prediction.reference, _options(prediction))
    assert letter is not None
    return letter


def letters(prediction: ScoredPrediction) -> list[str]:
    """The letters of the record's options, in order."""
    return list(_options(prediction))


def strict(prediction: ScoredPrediction) -> str | None:
    """One option letter, alone or followed by `:`, `.` or `)`; or exactly an option's text.

    If several options have the same text, it means the first of them.
    """
    return _parse(prediction.prediction, _options(prediction))


def lenient(prediction: ScoredPrediction) -> str | None:
    """The first option letter or option text anywhere in the text.

    A letter before another option's text ("B: very positive" where that is A) is ambiguous: both
    are ignored.
    """
    options = _options(prediction)
    answer = _parse(prediction.prediction, options)
    if answer is not None:
        return answer
    text = prediction.prediction
    marks = [mark for mark in letters_alone(text) if mark.letter in options]
    quotes = _option_texts(text, options)
    refuted: set[Mention] = set()
    # Of several at one place the longest, which comes first.
    quote_at = {quote.start: quote for quote in reversed(quotes)}
    for mark in marks:
        begins = _BETWEEN.match(text, mark.end)
        follower = quote_at.get(begins.end()) if begins else None
        if follower and options[follower.letter] != options[mark.letter]:
            refuted |= {mark, follower}
    mentions = sorted(mention for mention in marks + quotes if mention not in refuted)
    return mentions[0].letter if mentions else None


def _options(prediction: ScoredPrediction) -> dict[str, str]:
    """Option texts by letter, in lower case for comparison."""
    matches = (OPTION.fullmatch(option) for option in prediction.options or [])
    return {match[1].upper(): match[2].strip().lower() for match in matches if match}


def _parse(text: str, options: dict[str, str]) -> str | None:
    text = text.strip()
    match = _ANSWER.fullmatch(text)
    if match and match[2] is None:
        return match[1].upper() if match[1].upper() in options else None
    # Before a letter with other text: an option's text may itself begin with "B.", as in a name.
    for letter, option in options.items():
        if option and text.lower() == option:
            return letter
    if not match or match[1].upper() not in options:
        return None
    letter, rest = match[1].upper(), match[2].strip().lower()
    return None if rest and rest != options[letter] and rest in options.values() else letter


def _option_texts(text: str, options: dict[str, str]) -> list[Mention]:
    """Option texts that occur in `text` as whole words; not "positive" within "very positive"."""
    found: list[Mention] = []
    lowered = text.lower()
    for letter, option in sorted(options.items(), key=lambda item: (-len(item[1]), item[0])):
        longer = _Spans(found)
        found += [
            Mention(start, start + len(option), letter)
            for start in _positions(lowered, option)
            if not longer.contain(start, start + len(option))
        ]
    return found


class _Spans:
    """The spans of mentions in a text, indexed for many look-ups."""

    def __init__(self, mentions: Iterable[Mention]) -> None:
        spans = sorted((one.start, one.end) for one in mentions)
        self._starts = [start for start, _ in spans]
        # The furthest end of those that begin no later.
        self._ends = list(accumulate((end for _, end in spans), max))

    def contain(self, start: int, end: int) -> bool:
        """Whether the characters from `start` to `end` are part of one of them."""
        before = bisect_right(self._starts, start)
        return before > 0 and end <= self._ends[before - 1]


def _positions(text: str, phrase: str) -> Iterator[int]:
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        end = start + len(phrase)
        before, after = text[max(0, start - 1) : start], text[end : end + 1]
        if not before.isalnum() and not after.isalnum():
            yield start
        start = text.find(phrase, start + 1)
