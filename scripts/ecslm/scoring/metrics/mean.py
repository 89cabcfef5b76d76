"""Metrics that are the mean of one number per record, or the share of right answers."""

from collections.abc import Sequence

import numpy as np

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.intervals import wilson_interval
from ecslm.scoring.metrics.arithmetic import column_totals, ratios
from ecslm.scoring.metrics.protocol import Array, Item, Metric


class Mean(Metric):
    """The mean over records of the only number of an outcome; columns: that number, records."""

    CELLS = ("score",)

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """The number, and 1 to count the record."""
        (name,) = self.CELLS
        return np.array([(outcome[name], 1.0) for outcome in outcomes], dtype=np.float64)

    def values(self, totals: Array) -> Array:
        """The mean over records."""
        return ratios(totals[..., 0], totals[..., 1])

    def expected(self, chances: Array) -> float:
        """That of expected numbers."""
        return float(self.values(column_totals(chances)))

    def quality(self, outcome: Outcome) -> float:
        """The number itself."""
        (name,) = self.CELLS
        return float(outcome[name])


def _wilson(totals: Array, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a mean of zeros and ones."""
    hits, records = totals.astype(int).tolist()
    return wilson_interval(hits, records, confidence)


class Proportion(Mean):
    """The share of right answers."""

    PROPORTION = True
    INTERVAL = staticmethod(_wilson)

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """1 for the right answer, else 0."""
        return [{"score": int(item.answer == item.reference)} for item in items]
