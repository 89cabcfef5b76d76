"""Parsing answers that are `yes` or `no`."""

import re

from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.protocol import AnswerType

_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
_ENDINGS = ".!,"

# "yes or no" repeats the question, so the first alternative consumes it without a group.
_WORD = re.compile(
    r"(?<![\w'\u2019-])(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes|(yes|no))(?![\w'\u2019-])",
    re.IGNORECASE,
)


class YesNo(AnswerType):
    """`yes` or `no`."""

    WRONG = "is neither yes nor no"

    def parse(self, text: str, _: ScoredPrediction) -> str | None:
        """`yes` or `no` if that is the whole text, apart from quotes and final punctuation."""
        rest, stripped = text, None
        while rest != stripped:
            stripped = rest.strip()
            rest = stripped.rstrip(_ENDINGS).rstrip()
            if len(rest) > 1 and _QUOTES.get(rest[0]) == rest[-1]:
                rest = rest[1:-1]
        answer = rest.lower()
        return answer if answer in ("yes", "no") else None

    def find(self, prediction: ScoredPrediction) -> str | None:
        """The first word yes or no; `yes or no` does not count."""
        words = (match[1] for match in _WORD.finditer(prediction.prediction))
        return next((word.lower() for word in words if word), None)


ANSWERS = YesNo()
