"""What an answer type is, what is shared by all, and loading one by name."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

from ecslm.common.errors import Problem
from ecslm.common.text import shown
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.modules import answer_module

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


class AnswerType(ABC):
    """How answers are parsed; each module in `ecslm.scoring.answers` that has one calls it
    `ANSWERS`. Each has its own type of answer."""

    WRONG: ClassVar[str] = "cannot be parsed"
    """What is said of a reference that is no valid answer."""

    @abstractmethod
    def parse(self, text: str, prediction: ScoredPrediction) -> Any | None:
        """The answer that a text of this record gives; None if it is invalid."""

    def find(self, prediction: ScoredPrediction) -> Any | None:  # noqa: ARG002
        """The first answer anywhere in a prediction that is invalid as a whole."""
        return None

    def problems(self, prediction: ScoredPrediction) -> list[Problem]:
        """Why the record cannot be scored, by field; empty if it can."""
        if self.parse(prediction.reference, prediction) is not None:
            return []
        return [
            Problem(f"{shown(prediction.reference)} {self.WRONG}", field="reference", kind="wrong")
        ]

    def reference(self, prediction: ScoredPrediction) -> Any:
        """The correct answer. Only for records without problems."""
        answer = self.parse(prediction.reference, prediction)
        assert answer is not None
        return answer

    def strict(self, prediction: ScoredPrediction) -> Any | None:
        """The answer as the strict protocol parses it; None if it is invalid."""
        return self.parse(prediction.prediction, prediction)

    def lenient(self, prediction: ScoredPrediction) -> Any | None:
        """The answer as the lenient parser finds it."""
        answer = self.strict(prediction)
        return self.find(prediction) if answer is None else answer


def answer_type(name: str) -> AnswerType:
    """The answer type of the module `ecslm.scoring.answers.{name}`, a `TaskSettings.answer`."""
    found: AnswerType = import_module(answer_module(name)).ANSWERS
    return found
