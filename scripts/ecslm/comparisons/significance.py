"""Significance tests and intervals of the difference of two scores, and Holm's adjustment."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Drawn values in memory at once, as floats, with four times as many intermediate ones: 20 MB.
_CELLS_AT_ONCE = 500_000

Interval = tuple[float, float]

# The largest confidence that is tried: p-values are at least 1 minus this.
_ALMOST_CERTAIN = 1 - 1e-12

# Sums in another order differ in their last digits. A permutation that restores the data must still
# count as equally extreme.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Statistic:
    """A score as a function of sums over records, shape (..., columns): its value, shape (...), and
    its derivatives, shape (..., columns). Scaling all sums does not change the value."""

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]


def randomisation_p(
    first: Array, second: Array, statistic: Statistic, permutations: int, seed: int
) -> float:
    """Two-sided p of a difference between paired scores: a studentised randomisation test.

    `first` and `second` are each record's terms on either side, shape (records, columns). Under the
    null hypothesis, exchanging the two sides of a record is as likely as not. p = (k + 1) /
    (permutations + 1), where k random permutations have a difference at least as many standard
    errors from 0 as the data.

    The test is exact if outcomes are exchangeable. Dividing by the standard error also gives the
    right size in large samples if only the scores are equal, for example two equal F1 where one
    side says yes far more often (benchmarks/size.py: without it, a test at 5 % rejects up to 26 %).
    For a mean the division changes nothing.

    Records with equal rows are interchangeable, so only the number of exchanges among them is
    drawn; the order of records does not matter.

    Source: Noreen, Computer-intensive methods for testing hypotheses, 1989; Phipson and Smyth,
    Permutation p-values should never be zero, 2010 (the + 1); Chung and Romano, Exact and
    asymptotically robust permutation tests, Annals of Statistics 41(2), 2013 (the standard error).
    """
    both = np.concatenate([first, second], axis=1)
    rows, counts = np.unique(both, axis=0, return_counts=True)
    ones, others = np.split(rows, 2, axis=1)
    observed = float(_studentised(np.zeros((1, len(counts))), ones, others, counts, statistic)[0])
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS_AT_ONCE // len(rows))
    extreme = 0
    for start in range(0, permutations, chunk):
        drawn = _exchanges(generator, counts, min(chunk, permutations - start))
        found = _studentised(drawn, ones, others, counts, statistic)
        extreme += int((found >= observed * (1 - _ROUNDING) - _ROUNDING).sum())
    return _p_value(extreme, permutations)


def _studentised(
    exchanged: Array, ones: Array, others: Array, counts: NDArray[np.intp], statistic: Statistic
) -> Array:
    """Absolute differences divided by their standard errors, shape (draws,).

    `exchanged` is how many of the records with each row are exchanged, shape (draws, rows). The
    standard error comes from each record's influence on the difference.
    """
    moved = exchanged @ (others - ones)
    first, second = counts @ ones + moved, counts @ others - moved
    difference = np.abs(statistic.value(first) - statistic.value(second))
    by_first, by_second = statistic.gradient(first), statistic.gradient(second)
    kept = by_first @ ones.T - by_second @ others.T
    swapped = by_first @ others.T - by_second @ ones.T
    variance = ((counts - exchanged) * kept**2 + exchanged * swapped**2).sum(axis=1)
    error = np.sqrt(variance)
    # Without spread, any difference other than 0 is infinitely many standard errors away.
    certain = np.where(difference > _ROUNDING, np.inf, 0.0)
    found: Array = np.divide(difference, error, out=certain, where=error > _ROUNDING)
    return found


def difference_interval(
    difference: float, resampled: Array, records: int, confidence: float
) -> Interval:
    """Percentile interval of a difference of two values in [0, 1] from its resampled values.

    If all records add the same to the difference, for example two models with the same answers,
    resampling gives no spread. Then the interval extends 3/n to either side, like that of a
    proportion with no successes (the rule of three). This is too narrow for a metric that is not a
    mean over all records.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
    if high - low > _ROUNDING:
        return low, high
    bound = 3 / records
    return max(-1.0, difference - bound), min(1.0, difference + bound)


def centred_bootstrap_p(difference: float, resampled: Array) -> float:
    """Two-sided p of a difference between unpaired scores, from its bootstrap values.

    Resampled differences minus the observed one are distributed as under equal scores. Unlike
    permuting all records over both sides, this does not assume that both have the same shares of
    classes.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, section 16.4; Hall and
    Wilson, Two guidelines for bootstrap hypothesis testing, Biometrics 47(2), 1991.
    """
    extreme = int((np.abs(resampled - difference) >= abs(difference) - _ROUNDING).sum())
    return _p_value(extreme, len(resampled))


def newcombe_interval(
    values: tuple[float, float], intervals: tuple[Interval, Interval]
) -> Interval:
    """Interval of the difference of two unpaired values, from the interval of each value.

    Source: Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, 1998, method 10; for values other than proportions: Zou and Donner,
    Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008.
    """
    (first, second), ((low, high), (other_low, other_high)) = values, intervals
    difference = first - second
    return (
        difference - math.hypot(first - low, other_high - second),
        difference + math.hypot(high - first, second - other_low),
    )


def newcombe_p(
    values: tuple[float, float], intervals: Callable[[float], tuple[Interval, Interval]]
) -> float:
    """Two-sided p of that difference: 1 minus the confidence at which its interval ends at 0.

    `intervals` returns the interval of each value for a confidence.
    """
    # Slow to import and used only here.
    from scipy.optimize import brentq

    difference = values[0] - values[1]
    nearer_end = 0 if difference > 0 else 1

    def end(confidence: float) -> float:
        return newcombe_interval(values, intervals(confidence))[nearer_end]

    if abs(difference) < _ROUNDING:
        return 1.0
    if end(_ALMOST_CERTAIN) * difference > 0:
        return 1 - _ALMOST_CERTAIN
    return 1 - float(brentq(end, 1e-9, _ALMOST_CERTAIN, xtol=1e-14))


def mcnemar_p(first_only: int, second_only: int) -> float:
    """Exact two-sided p from the records that only the first and only the second got right.

    Source: McNemar, Psychometrika 12(2), 1947; exact by the binomial distribution with 1/2.
    """
    # Slow to import and used only here.
    from scipy.stats import binomtest

    discordant = first_only + second_only
    return float(binomtest(first_only, discordant).pvalue) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of one family, in the order given; control the family-wise error rate.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def _exchanges(generator: np.random.Generator, counts: NDArray[np.intp], size: int) -> Array:
    """How many of the records with each row are exchanged, `size` times: shape (size, rows)."""
    drawn = np.empty((size, len(counts)))
    single = counts == 1
    # Coin flips are drawn much faster than binomial numbers, and most rows are unique.
    drawn[:, single] = generator.integers(0, 2, size=(size, int(single.sum())), dtype=np.int8)
    drawn[:, ~single] = generator.binomial(counts[~single], 0.5, size=(size, int((~single).sum())))
    return drawn


def _p_value(extreme: int, drawn: int) -> float:
    return (extreme + 1) / (drawn + 1)
