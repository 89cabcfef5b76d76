"""F1 of the answer `yes` (PM, PSI, AP)."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import YesNo
from ecslm.scoring.intervals import wilson_interval
from ecslm.scoring.metrics.protocol import Array, Item, Metric, expected_f1, f1, f1s, ratio


def _wilson(totals: Array, confidence: float) -> tuple[float, float]:
    """Interval of F1 = 2p / (1 + p) from Wilson's interval of p = tp / (tp + fp + fn).

    Given tp + fp + fn, tp is binomial with probability p, and F1 increases with p.

    Source: Lam, Gopal and Qian, Confidence intervals for the F1 score: a comparison of four
    methods, arXiv:2309.14621, 2023 (Wilson indirect). It covered 94 to 96 % from 10 positives on,
    where the bootstrap covered 45 to 99 % (benchmarks/coverage.py).
    """
    tp, fp, fn, _ = totals.astype(int).tolist()
    low, high = wilson_interval(tp, tp + fp + fn, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


class BinaryF1(Metric):
    """F1 from the confusion matrix."""

    NAME = "F1"
    ANSWERS = YesNo()
    INTERVAL = staticmethod(_wilson)
    CELLS = ("tp", "fp", "fn", "tn")

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """The record's cell of the matrix; an invalid answer counts as the wrong one."""
        cells = [_cell(item.reference, item.answer) for item in items]
        return [{name: int(name == cell) for name in self.CELLS} for cell in cells]

    def values(self, totals: Array) -> Array:
        """2 tp / (2 tp + fp + fn)."""
        tp, fp, fn, _ = np.moveaxis(totals, -1, 0)
        return f1s(tp, fp, fn)

    def expected(self, chances: Array) -> float:
        """The expected F1, which is not that of expected counts."""
        tp, fp, fn, _ = chances.T
        yes = tp + fn > 0
        return expected_f1(tp[yes], fp[~yes])

    def rarest(self, totals: Array) -> float:
        """The number of records whose reference is yes."""
        return float(totals[0] + totals[2])

    def quality(self, outcome: Outcome) -> float:
        """1 for the correct answer, else 0."""
        return float(outcome["tp"] + outcome["tn"])

    def details(self, items: Sequence[Item], totals: Array) -> dict[str, Any]:
        """Rates from the confusion matrix, and the matrix with a column for invalid answers."""
        pairs = Counter((item.reference, item.answer) for item in items)
        confusion = {
            reference: {str(one or "invalid"): pairs[reference, one] for one in ("yes", "no", None)}
            for reference in ("yes", "no")
        }
        return {**_rates(*totals.astype(int).tolist()), "confusion": confusion}

    def released(self, items: Sequence[Item]) -> Score:
        """As released: drops records whose text is not just yes or no."""
        pairs = [
            (item.record.reference.lower().strip(), item.record.prediction.lower().strip())
            for item in items
        ]
        cells = [_cell(*pair) for pair in pairs if pair[1] in ("yes", "no")]
        rates = _rates(*(cells.count(name) for name in self.CELLS))
        dropped = len(items) - len(cells)
        return Score.of(rates["f1_by_class"]["yes"], {**rates, "n_dropped": dropped})


METRIC = BinaryF1()


def _cell(reference: str, answer: str | None) -> str:
    if reference == "yes":
        return "tp" if answer == "yes" else "fn"
    return "tn" if answer == "no" else "fp"


def _mcc(tp: float, fp: float, fn: float, tn: float) -> float:
    """Matthews' correlation of answers and references; 0 if either is constant.

    Unlike F1, it is 0 for every constant answer, and for random ones about 0.

    Source: Matthews, Biochimica et Biophysica Acta 405(2), 1975.
    """
    square = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(square) if square else 0.0


def _rates(tp: float, fp: float, fn: float, tn: float) -> dict[str, Any]:
    recall, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    return {
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
        "balanced_accuracy": None
        if recall is None or specificity is None
        else (recall + specificity) / 2,
        "mcc": _mcc(tp, fp, fn, tn),
        "precision": ratio(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "npv": ratio(tn, tn + fn),
        "f1_by_class": {"yes": f1(tp, fp, fn), "no": f1(tn, fn, fp)},
        "counts": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
    }
