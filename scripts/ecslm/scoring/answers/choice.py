"""Parsing answers that choose one of the record's lettered options, to the capital letter."""

import re

from ecslm.common.errors import Problem
from ecslm.schemas.fields import OPTION
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.protocol import AnswerType, Mention, letters_alone

_ANSWER = re.compile(r"([A-Za-z])(?:[:.)](.*))?", re.DOTALL)
_BETWEEN = re.compile(r"[\s:.)]*")


class Choice(AnswerType):
    """The capital letter of an option."""

    WRONG = "is not one of the record's options"

    def parse(self, text: str, prediction: ScoredPrediction) -> str | None:
        """One option letter, alone or followed by `:`, `.` or `)`; or exactly an option's text.

        If several options have the same text, it means the first of them.
        """
        options, text = _options(prediction), text.strip()
        match = _ANSWER.fullmatch(text)
        if match and match[2] is None:
            return match[1].upper() if match[1].upper() in options else None
        # Before a letter with other text: an option's text may itself begin with "B.", as in a
        # name.
        for letter, option in options.items():
            if option and text.lower() == option:
                return letter
        if not match or match[1].upper() not in options:
            return None
        letter, rest = match[1].upper(), match[2].strip().lower()
        return None if rest and rest != options[letter] and rest in options.values() else letter

    def find(self, prediction: ScoredPrediction) -> str | None:
        """The first option letter or option text.

        A letter before another option's text ("B: very positive" where that is A) is ambiguous:
        both are ignored.
        """
        options, text = _options(prediction), prediction.prediction
        marks = [mark for mark in letters_alone(text) if mark.letter in options]
        quotes = _option_texts(text, options)
        refuted: set[Mention] = set()
        quote_at = {quote.start: quote for quote in quotes}
        for mark in marks:
            begins = _BETWEEN.match(text, mark.end)
            follower = quote_at.get(begins.end()) if begins else None
            if follower and options[follower.letter] != options[mark.letter]:
                refuted |= {mark, follower}
        mentions = sorted(mention for mention in marks + quotes if mention not in refuted)
        return mentions[0].letter if mentions else None

    def problems(self, prediction: ScoredPrediction) -> list[Problem]:
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
        return super().problems(prediction)


ANSWERS = Choice()


def _options(prediction: ScoredPrediction) -> dict[str, str]:
    """Option texts by letter, in lower case for comparison."""
    matches = (OPTION.fullmatch(option) for option in prediction.options or [])
    return {match[1].upper(): match[2].strip().lower() for match in matches if match}


def _option_texts(text: str, options: dict[str, str]) -> list[Mention]:
    """Option texts that occur in `text` as whole words; not "positive" within "very positive"."""
    letter_of = {option: letter for letter, option in sorted(options.items(), reverse=True)}
    # Of several at one place the longest.
    ordered = sorted(filter(None, letter_of), key=len, reverse=True)
    texts = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, ordered))})(?![^\W_])")
    found = texts.finditer(text.lower()) if ordered else ()
    return [Mention(match.start(), match.end(), letter_of[match[0]]) for match in found]
