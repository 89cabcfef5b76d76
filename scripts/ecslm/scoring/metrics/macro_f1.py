"""Macro-F1 over option letters (PRP, SA)."""

from collections.abc import Sequence
from typing import Any

from ecslm.schemas.metrics_file import Score
from ecslm.scoring.metrics.classes import (
    class_details,
    class_outcomes,
    class_quality,
    class_sums,
    expected_macro_f1,
    macro_f1,
    macro_f1_gradient,
    released_details,
    released_pairs,
    smallest_class,
)
from ecslm.scoring.metrics.protocol import Array, Item

NAME = "macro-F1"
PROPORTION = False
INTERVAL = None
EXPECTED = expected_macro_f1

outcomes = class_outcomes
sums = class_sums
values = macro_f1
gradient = macro_f1_gradient
rarest = smallest_class
quality = class_quality


def details(items: Sequence[Item], _: Array) -> dict[str, Any]:
    """Accuracy, macro precision and recall, F1 by class, confusion matrix."""
    return class_details(items)


def released(items: Sequence[Item]) -> Score:
    """As released: macro-F1 by first characters, without texts that begin with no label."""
    found = released_details(released_pairs(items), items)
    return Score.of(found["macro_f1"], found)


released_2024 = released
