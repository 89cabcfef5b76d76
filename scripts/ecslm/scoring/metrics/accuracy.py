"""Accuracy over option letters (MPC)."""

from collections.abc import Sequence
from typing import Any

from ecslm.schemas.metrics_file import Score
from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics.protocol import Array, Item, Proportion, class_details, released_details


class Accuracy(Proportion):
    """The share of correct letters. It has no rarest class."""

    NAME = "accuracy"
    ANSWERS = Choice()

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """Macro scores, F1 by class, confusion matrix."""
        return class_details(items)

    def released(self, items: Sequence[Item]) -> Score:
        """As released: accuracy by first characters, without texts that begin with no label."""
        found = released_details(items)
        return Score.of(found["accuracy"], found)


METRIC = Accuracy()
