"""Whether two scores differ, by how much, and the adjustment for making many tests."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Draws held in memory at once, as floats and four times more in computing with them: 20 MB.
_CELLS_AT_ONCE = 500_000

Interval = tuple[float, float]

# Further from 0 than this a difference is not told apart.
_ALMOST_CERTAIN = 1 - 1e-12

# Sums in another order differ in their last digits: a permutation that only restores the data must
# count as extreme as they are.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Statistic:
    """A score of records, from their sums, shape (..., columns): its value, shape (...), and its
    derivatives, shape (..., columns). A common scale of all sums changes nothing."""

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]


def randomisation_p(
    first: Array, second: Array, statistic: Statistic, permutations: int, seed: int
) -> float:
    """Two-sided p of a difference between paired scores: a studentised randomisation test.

    `first` and `second` are what each record adds to either side, shape (records, columns). If the
    sides do not differ, it is as likely that they are exchanged in a record as that they are not.
    p = (k + 1) / (permutations + 1), with k random exchanges whose difference is at least as many
    standard errors from 0 as that of the data.

    Exact where outcomes are exchangeable. Divided by its standard error the difference also has the
    right size in large samples where only the scores are equal and not how they come about, as of
    two F1 of which one side says yes far more often (benchmarks/size.py: without it a test at 5 %
    rejects up to 26 %). For a mean the division changes nothing.

    Records with equal rows are interchangeable, so that only the number of exchanges among them is
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
    return _share(extreme, permutations)


def _studentised(
    exchanged: Array, ones: Array, others: Array, counts: NDArray[np.intp], statistic: Statistic
) -> Array:
    """Absolute differences in standard errors, shape (draws,).

    `exchanged` is how many of the records with each row are exchanged, shape (draws, rows). The
    standard error is that of the records' influence on the difference.
    """
    moved = exchanged @ (others - ones)
    first, second = counts @ ones + moved, counts @ others - moved
    difference = np.abs(statistic.value(first) - statistic.value(second))
    by_first, by_second = statistic.gradient(first), statistic.gradient(second)
    kept = by_first @ ones.T - by_second @ others.T
    swapped = by_first @ others.T - by_second @ ones.T
    variance = ((counts - exchanged) * kept**2 + exchanged * swapped**2).sum(axis=1)
    error = np.sqrt(variance)
    # Without any spread every difference but 0 is one.
    certain = np.where(difference > _ROUNDING, np.inf, 0.0)
    found: Array = np.divide(difference, error, out=certain, where=error > _ROUNDING)
    return found


def difference_interval(
    difference: float, resampled: Array, records: int, confidence: float
) -> Interval:
    """Percentile interval of a difference of two values in [0, 1] from its resampled values.

    Where no two records differ in what they add to the difference, as for two models with the same
    answers, resampling gives no spread. Then it reaches 3/n to either side, as the interval of a
    share that was never observed does (the rule of three); for a metric that is no mean over all
    records that is too narrow.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
    if high - low > _ROUNDING:
        return low, high
    bound = 3 / records
    return max(-1.0, difference - bound), min(1.0, difference + bound)


def centred_bootstrap_p(difference: float, resampled: Array) -> float:
    """Two-sided p of a difference between unpaired scores, from its bootstrap values.

    Resampled differences minus the difference itself show how far it would stray if the scores were
    equal. Unlike a permutation of all records over both sides this does not also ask that the
    sides have the same shares of classes.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, section 16.4; Hall and
    Wilson, Two guidelines for bootstrap hypothesis testing, Biometrics 47(2), 1991.
    """
    extreme = int((np.abs(resampled - difference) >= abs(difference) - _ROUNDING).sum())
    return _share(extreme, len(resampled))


def newcombe_interval(
    values: tuple[float, float], intervals: tuple[Interval, Interval]
) -> Interval:
    """Interval of the difference of two unpaired values, from the interval of each.

    Source: Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, 1998, method 10; for other values than proportions: Zou and Donner,
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

    `intervals` takes a confidence to the interval of each value.
    """
    # Slow to import, and needed here alone.
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
    # Slow to import, and needed here alone.
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
    # A coin is drawn much faster than a binomial number, and of most scores no two are equal.
    drawn[:, single] = generator.integers(0, 2, size=(size, int(single.sum())), dtype=np.int8)
    drawn[:, ~single] = generator.binomial(counts[~single], 0.5, size=(size, int((~single).sum())))
    return drawn


def _share(extreme: int, drawn: int) -> float:
    return (extreme + 1) / (drawn + 1)
