"""What an answer type is, what is shared by all, and loading one by name."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar

from ecslm.common.errors import Problem
from ecslm.common.text import shown
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.modules import answer_module


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
