"""Parsing answers in free text: nothing to parse, but an empty one is invalid."""

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.protocol import AnswerType


class Generation(AnswerType):
    """The text, stripped."""

    def parse(self, text: str, _: ScoredPrediction) -> str | None:
        """The text; None when it is empty."""
        return text.strip() or None

    def problems(self, _: ScoredPrediction) -> list[Problem]:
        """No problems: any text can be scored against any other."""
        return []

    def reference(self, prediction: ScoredPrediction) -> str:
        """The reference text."""
        return prediction.reference


ANSWERS = Generation()
