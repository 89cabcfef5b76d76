"""Accuracy over option letters (MPC)."""

from collections.abc import Sequence
from typing import Any

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.metrics import mean
from ecslm.scoring.metrics.classes import class_details, released_details, released_pairs
from ecslm.scoring.metrics.protocol import Array, Item

NAME = "accuracy"
PROPORTION = True
EXPECTED = mean.expected
INTERVAL = mean.proportion_interval


def outcomes(items: Sequence[Item]) -> list[Outcome]:
    """1 for the correct letter, else 0."""
    return [{"score": int(item.answer == item.reference)} for item in items]


def sums(outcomes: Sequence[Outcome]) -> Array:
    """Columns: hits, records."""
    return mean.sums_of("score", outcomes)


values = mean.values
gradient = mean.gradient


def rarest(_: Array) -> None:
    """None: accuracy has no classes."""


def quality(outcome: Outcome) -> float:
    """1 for the correct letter, else 0."""
    return float(outcome["score"])


def details(items: Sequence[Item], _: Array) -> dict[str, Any]:
    """Macro scores, F1 by class, confusion matrix."""
    return class_details(items)


def released(items: Sequence[Item]) -> Score:
    """As released: accuracy by first characters, without texts that begin with no label."""
    found = released_details(released_pairs(items), items)
    return Score.of(found["accuracy"], found)


released_2024 = released
