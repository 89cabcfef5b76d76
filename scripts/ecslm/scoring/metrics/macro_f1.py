"""Macro-F1 over option letters (PRP, SA)."""

from collections.abc import Sequence

import numpy as np

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics import protocol
from ecslm.scoring.metrics.protocol import Array, Item, OfClasses


class MacroF1(OfClasses):
    """The mean F1 over the classes whose references are in the totals."""

    NAME = "macro-F1"
    ANSWERS = Choice()
    HEADLINE = "macro_f1"

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """Each record's true positive, false positives and false negative, by class.

        An invalid answer is a false negative of the reference's class and a false positive shared
        equally by the other classes present in the references.
        """
        classes = sorted({item.reference for item in items})

        def outcome(right: str, answer: str | None) -> Outcome:
            if answer == right:
                return {"tp": {right: 1}, "fp": {}, "fn": {}}
            shared = {name: 1 / (len(classes) - 1) for name in classes if name != right}
            return {"tp": {}, "fp": shared if answer is None else {answer: 1}, "fn": {right: 1}}

        return [outcome(item.reference, item.answer) for item in items]

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """Columns tp, fp, fn of each class present in the references, class after class."""
        classes = sorted({name for one in outcomes for name in (*one["tp"], *one["fn"])})
        rows = [
            [one[cell].get(name, 0) for name in classes for cell in ("tp", "fp", "fn")]
            for one in outcomes
        ]
        return np.array(rows, dtype=np.float64)

    def values(self, totals: Array) -> Array:
        """Mean F1, shape (..., 3 x classes) to (...)."""
        tp, fp, fn = cells(totals)
        # A class that is present has tp + fn > 0, so its F1 is never 0 / 0.
        present = (tp + fn).real > 0
        scores = np.nan_to_num(protocol.f1s(tp, fp, fn)) * present
        return protocol.ratios(scores.sum(axis=-1), present.sum(axis=-1))

    def expected(self, chances: Array) -> float:
        """The mean over classes of each one's expected F1."""
        scores = []
        for tp, fp, fn in zip(*(cell.T for cell in cells(chances)), strict=True):
            # The reference is of the class if the answer is either right or a miss.
            own = tp + fn > 0
            scores.append(protocol.expected_f1(tp[own], fp[~own]))
        return float(np.mean(scores))

    def rarest(self, totals: Array) -> float:
        """The number of records of the rarest class in the references."""
        tp, _, fn = cells(totals)
        return float((tp + fn).min())

    def quality(self, outcome: Outcome) -> float:
        """1 for the correct class, else 0."""
        return float(sum(outcome["tp"].values()))


METRIC = MacroF1()


def cells(sums: Array) -> Array:
    """tp, fp and fn, each by class: shape (3, ..., classes)."""
    return np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
