"""Answers in free text."""

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import Prediction


def problems(_: Prediction) -> list[Problem]:
    """None: any text can be scored against any other."""
    return []


def reference(prediction: Prediction) -> str:
    """The reference text."""
    return prediction.reference


def strict(prediction: Prediction) -> str | None:
    """The text; None when it is empty."""
    return prediction.prediction.strip() or None


lenient = strict
