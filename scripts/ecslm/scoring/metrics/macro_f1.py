"""Macro-F1 over option letters (PRP, SA)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics.protocol import (
    Array,
    Item,
    Metric,
    class_details,
    class_outcomes,
    class_sums,
    expected_f1,
    f1s,
    of_classes,
    ratios,
    released_details,
)


class MacroF1(Metric):
    """The mean F1 over the classes whose references are in the totals."""

    NAME = "macro-F1"
    ANSWERS = Choice()

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """Each record's true positive, false positives and false negative, by class."""
        return class_outcomes(items)

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """Columns tp, fp, fn of each class present in the references, class after class."""
        return class_sums(outcomes)

    def values(self, totals: Array) -> Array:
        """Mean F1, shape (..., 3 x classes) to (...)."""
        tp, fp, fn = np.moveaxis(of_classes(totals), -1, 0)
        # A class that is present has tp + fn > 0, so its F1 is never 0 / 0.
        present = (tp + fn).real > 0
        scores = np.nan_to_num(f1s(tp, fp, fn)) * present
        return ratios(scores.sum(axis=-1), present.sum(axis=-1))

    def expected(self, chances: Array) -> float:
        """The mean over classes of each one's expected F1."""
        scores = []
        for tp, fp, fn in of_classes(chances).transpose(1, 2, 0):
            # The reference is of the class if the answer is either right or a miss.
            own = tp + fn > 0
            scores.append(expected_f1(tp[own], fp[~own]))
        return float(np.mean(scores))

    def rarest(self, totals: Array) -> float:
        """The number of records of the rarest class in the references."""
        tp, _, fn = np.moveaxis(of_classes(totals), -1, 0)
        return float((tp + fn).min())

    def quality(self, outcome: Outcome) -> float:
        """1 for the correct class, else 0."""
        return float(sum(outcome["tp"].values()))

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """Accuracy, macro precision and recall, F1 by class, confusion matrix."""
        return class_details(items)

    def released(self, items: Sequence[Item]) -> Score:
        """As released: macro-F1 by first characters, without texts that begin with no label."""
        found = released_details(items)
        return Score.of(found["macro_f1"], found)


METRIC = MacroF1()
