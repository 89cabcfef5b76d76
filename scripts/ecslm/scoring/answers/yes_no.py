"""Parsing answers that are `yes` or `no`."""

import re

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction

_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
_ENDINGS = ".!,"

# "yes or no" repeats the question, so the first alternative consumes it without a group.
_WORD = re.compile(
    r"(?<![\w'\u2019-])(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes|(yes|no))(?![\w'\u2019-])",
    re.IGNORECASE,
)


def problems(prediction: ScoredPrediction) -> list[Problem]:
    """A reference that is neither yes nor no."""
    if _parse(prediction.reference) is None:
        message = f"{prediction.reference!r} is neither yes nor no"
        return [Problem(message, field="reference", kind="neither")]
    return []


def reference(prediction: ScoredPrediction) -> str:
    """The correct answer, `yes` or `no`."""
    answer = _parse(prediction.reference)
    assert answer is not None
    return answer


def strict(prediction: ScoredPrediction) -> str | None:
    """`yes` or `no` if that is the whole text, apart from quotes and final punctuation."""
    return _parse(prediction.prediction)


def lenient(prediction: ScoredPrediction) -> str | None:
    """The first word yes or no anywhere in the text; `yes or no` does not count."""
    answer = strict(prediction)
    if answer is not None:
        return answer
    words = (match[1] for match in _WORD.finditer(prediction.prediction))
    return next((word.lower() for word in words if word), None)


def _parse(text: str) -> str | None:
    rest, stripped = text, None
    while rest != stripped:
        stripped = rest.strip()
        rest = stripped.rstrip(_ENDINGS).rstrip()
        if len(rest) > 1 and _QUOTES.get(rest[0]) == rest[-1]:
            rest = rest[1:-1]
    answer = rest.lower()
    return answer if answer in ("yes", "no") else None
