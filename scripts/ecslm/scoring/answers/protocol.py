"""The interface of answer modules, and loading one by name."""

from importlib import import_module
from typing import Any, Protocol, cast

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.modules import answer_module


class AnswerType(Protocol):
    """The functions of a module in `ecslm.scoring.answers`; each has its own type of answer."""

    def problems(self, prediction: ScoredPrediction, /) -> list[Problem]:
        """Why the record cannot be scored, by field; empty if it can."""

    def reference(self, prediction: ScoredPrediction, /) -> Any:
        """The correct answer. Only for records without problems."""

    def strict(self, prediction: ScoredPrediction, /) -> Any | None:
        """The answer as the strict protocol parses it; None if it is invalid."""

    def lenient(self, prediction: ScoredPrediction, /) -> Any | None:
        """The answer as the lenient parser finds it; never None if `strict` finds one."""


def answer_type(name: str) -> AnswerType:
    """Load the module `ecslm.scoring.answers.{name}`; `name` is a `TaskSettings.answer`."""
    return cast(AnswerType, import_module(answer_module(name)))
