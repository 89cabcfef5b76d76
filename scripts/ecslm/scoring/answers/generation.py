"""Parsing answers in free text: nothing to parse, but an empty one is invalid."""

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction


def problems(_: ScoredPrediction) -> list[Problem]:
    """No problems: any text can be scored against any other."""
    return []


def reference(prediction: ScoredPrediction) -> str:
    """The reference text."""
    return prediction.reference


def strict(prediction: ScoredPrediction) -> str | None:
    """The text; None when it is empty."""
    return prediction.prediction.strip() or None


lenient = strict
