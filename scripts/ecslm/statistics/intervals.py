"""Intervals of a metric over records: bootstrap, Wilson, and when not to trust them."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Of every interval.
CONFIDENCE = 0.95

Array = NDArray[np.float64]

# Draws held in memory at once, as 8-byte integers and again as floats: 64 MB together.
_CELLS_AT_ONCE = 4_000_000

# Where benchmarks/coverage.py found that the 95 % percentile interval contains the true value in 93
# to 97 % of samples, or in more. Below 100 records F1 covered 43 to 99 %, and the mean of scores
# with a few zeros among them 66 %.
RELIABLE_RECORDS = 100
# A class that a resample may miss altogether biases macro-F1: with 3 records of it, 91 %.
RELIABLE_RECORDS_OF_RAREST_CLASS = 10
# Few errors, few hits or a few outliers skew the resampled values: a count of k rare records has a
# skewness of 1/sqrt(k), so that this asks for 8 of them. With 1,000 records of which 2 or 3 decide,
# F1 covered 73 %.
RELIABLE_SKEWNESS = 0.35


def bootstrap_values(
    sums: Array, values: Callable[[Array], Array], resamples: int, seed: int
) -> Array:
    """Values of a metric on resamples of the records, drawn with replacement; shape (resamples,).

    `sums` has a row a record; `values` takes totals of shape (..., columns) to shape (...). Records
    with equal rows are interchangeable, so a resample is one multinomial draw of how often each
    distinct row occurs; this also makes the result independent of the order of records. An
    undefined value (NaN) counts as 0, as it does in the metric's own value.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 6.
    """
    rows, counts = np.unique(sums, axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS_AT_ONCE // len(rows))
    parts = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        draws = generator.multinomial(len(sums), counts / len(sums), size=size)
        parts.append(np.nan_to_num(values(draws @ rows)))
    return np.concatenate(parts)


def bootstrap_interval(
    value: float, resampled: Array, records: int, confidence: float
) -> tuple[float, float]:
    """Percentile interval of a value in [0, 1] from its resampled values.

    Resampling records without a single error gives no spread. Then the interval runs from 1 - 3/n
    to 1 (the rule of three: Hanley and Lippman-Hand, JAMA 249(13), 1983), and likewise from 0 to
    3/n without a single success.
    """
    bound = min(1.0, 3 / records)
    if value >= 1:
        return 1 - bound, 1.0
    if value <= 0:
        return 0.0, bound
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
    return low, high


def wilson_interval(successes: float, records: int, confidence: float) -> tuple[float, float]:
    """Score interval of a proportion.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA
    22(158), 1927.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / records, z * z / records
    centre = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / records + weight / (4 * records))
    low, high = (centre - half) / (1 + weight), (centre + half) / (1 + weight)
    # At 0 and 1 an end is exactly 0 or 1, but for rounding.
    return (low if successes else 0.0), (high if successes < records else 1.0)


def bootstrap_is_reliable(
    records: int, rarest: float | None, resampled: Array | None = None
) -> bool:
    """Whether a percentile interval may be trusted.

    Asks for enough records, enough of the rarest class (None: no classes), and resampled values
    that are not skewed. Values without any spread, as without a single error, tell nothing.
    """
    enough = rarest is None or rarest >= RELIABLE_RECORDS_OF_RAREST_CLASS
    skewed = resampled is not None and not abs(_skewness(resampled)) <= RELIABLE_SKEWNESS
    return records >= RELIABLE_RECORDS and enough and not skewed


def _skewness(values: Array) -> float:
    """Third central moment over the cubed standard deviation; NaN without spread."""
    away = values - values.mean()
    spread = math.sqrt((away**2).mean())
    # Rounding gives equal values a spread of about 1e-17.
    return float((away**3).mean()) / spread**3 if spread > 1e-12 else math.nan
