"""Shared by metrics that are the mean of one number per record: sums, values, interval."""

from collections.abc import Sequence

import numpy as np

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.intervals import wilson_interval
from ecslm.scoring.metrics.arithmetic import column_totals, ratios
from ecslm.scoring.metrics.protocol import Array


def sums_of(field: str, outcomes: Sequence[Outcome]) -> Array:
    """Columns: the number in `field`, and 1 to count the record."""
    return np.array([(outcome[field], 1.0) for outcome in outcomes], dtype=np.float64)


def values(totals: Array) -> Array:
    """The mean over records."""
    return ratios(totals[..., 0], totals[..., 1])


def expected(chances: Array) -> float:
    """The expected mean: that of expected numbers."""
    return float(values(column_totals(chances)))


def gradient(totals: Array) -> Array:
    """Derivatives: 1 / records by the sum, - mean / records by the number of records."""
    count = totals[..., 1]
    return np.nan_to_num(
        np.stack([ratios(np.ones_like(count), count), -ratios(values(totals), count)], axis=-1)
    )


def proportion_interval(totals: Array, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a mean of zeros and ones."""
    hits, records = totals.astype(int).tolist()
    return wilson_interval(hits, records, confidence)
