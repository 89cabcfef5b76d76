"""What every answer module offers, and how one is loaded by its name."""

from importlib import import_module
from typing import Any, Protocol, cast

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction


class AnswerType(Protocol):
    """The functions of a module of `ecslm.scoring.answers`; each has its own type of answer."""

    def problems(self, prediction: ScoredPrediction, /) -> list[Problem]:
        """Why the record cannot be scored at all, by field; empty when it can."""

    def reference(self, prediction: ScoredPrediction, /) -> Any:
        """The right answer. Only for records without problems."""

    def strict(self, prediction: ScoredPrediction, /) -> Any | None:
        """The answer as the headline protocol reads it; None when it is invalid."""

    def lenient(self, prediction: ScoredPrediction, /) -> Any | None:
        """The answer as a forgiving reader finds it; never None where `strict` finds one."""


def answer_type(name: str) -> AnswerType:
    """The module `ecslm.scoring.answers.{name}`, for `name` = `TaskSettings.answer`."""
    return cast(AnswerType, import_module(f"ecslm.scoring.answers.{name}"))
