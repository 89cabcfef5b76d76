"""Confidence intervals of a metric over records: bootstrap, Wilson, and their reliability."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Confidence level of every interval.
CONFIDENCE = 0.95

Array = NDArray[np.float64]

# Drawn values in memory at once, as 8-byte integers and as floats: 8 MB. More is slower.
_CELLS_AT_ONCE = 500_000

# Drawing one multinomial number takes about as long as drawing six records.
_DRAWS_PER_ROW = 6

# Outside these limits, the 95 % percentile interval contained the true value in fewer than 93 % or
# far more than 97 % of samples (benchmarks/coverage.py). With 37 and 60 records, F1 covered 44 to
# 99 %.
RELIABLE_RECORDS = 100
# A class that a resample may miss biases macro-F1, which covered 88 to 94 % with 3 to 5 records of
# it and 94 to 95 % with 13.
RELIABLE_RECORDS_OF_RAREST_CLASS = 10
# Few errors, few hits or a few outliers skew the resampled values. A count of k rare records has a
# skewness of 1 / sqrt(k), so this requires about 8 of them. With 1,000 records, 20 positives and
# one expected error, F1 covered 69 %.
RELIABLE_SKEWNESS = 0.35


def bootstrap_values(
    sums: Array, values: Callable[[Array], Array], resamples: int, seed: int
) -> Array:
    """Values of a metric on resamples of the records, drawn with replacement: (resamples, ...).

    `sums` has a row per record; `values` maps totals, shape (resamples, columns). Records
    with equal rows are interchangeable, so only how often each distinct row occurs is drawn; this
    also makes the result independent of the order of records. An undefined value (NaN) counts as 0,
    as in the metric's own value.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 6.
    """
    rows, counts = np.unique(sums, axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS_AT_ONCE // len(rows))
    parts = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        parts.append(np.nan_to_num(values(_drawn(generator, counts, size) @ rows)))
    return np.concatenate(parts)


def _drawn(generator: np.random.Generator, counts: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """How often each distinct row occurs in each of `size` resamples: shape (size, rows)."""
    records, rows = int(counts.sum()), len(counts)
    if rows * _DRAWS_PER_ROW < records:
        return generator.multinomial(records, counts / records, size=size)
    row_of = np.repeat(np.arange(rows), counts)
    drawn = row_of[generator.integers(records, size=(size, records))]
    drawn += rows * np.arange(size)[:, None]
    return np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)


def bootstrap_interval(value: float, resampled: Array, records: int) -> tuple[float, float]:
    """Percentile interval of a value in [0, 1] from its resampled values.

    Records without any error give no spread. Then the interval is from 1 - 3/n to 1 (the rule of
    three: Hanley and Lippman-Hand, JAMA 249(13), 1983), and without any success from 0 to 3/n.
    """
    bound = min(1.0, 3 / records)
    if value >= 1:
        return 1 - bound, 1.0
    if value <= 0:
        return 0.0, bound
    tail = (1 - CONFIDENCE) / 2
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
    # Without rounding errors, one end is exactly 0 or 1 at these proportions.
    return (low if successes else 0.0), (high if successes < records else 1.0)


def wilson_is_reliable(records: int, rarest: float | None) -> bool:
    """Whether Wilson's interval is reliable.

    Requires ten records, and ten of the rarest class that the metric depends on (None: no classes).
    The interval of F1 covered 91 to 96 % with three positives.
    """
    return min(records, records if rarest is None else rarest) >= RELIABLE_RECORDS_OF_RAREST_CLASS


def bootstrap_is_reliable(records: int, rarest: float | None, resampled: Array) -> bool:
    """Whether a percentile interval is reliable.

    Requires enough records, enough of the rarest class (None: no classes), and resampled values
    with little skew. Without any spread, for example without any error, it is not reliable.
    """
    enough = rarest is None or rarest >= RELIABLE_RECORDS_OF_RAREST_CLASS
    even = abs(_skewness(resampled)) <= RELIABLE_SKEWNESS
    return records >= RELIABLE_RECORDS and enough and even


def _skewness(values: Array) -> float:
    """Third central moment over the cubed standard deviation; NaN without spread."""
    away = values - values.mean()
    spread = math.sqrt((away**2).mean())
    # Rounding errors give equal values a spread of about 1e-17.
    return float((away**3).mean()) / spread**3 if spread > 1e-12 else math.nan
