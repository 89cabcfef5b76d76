"""Whether two scores differ, by how much, and the adjustment for making many tests."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Draws held in memory at once, as 8-byte integers and again as floats: 64 MB together.
_CELLS_AT_ONCE = 4_000_000

Interval = tuple[float, float]

# Further from 0 than this a difference is not told apart.
_ALMOST_CERTAIN = 1 - 1e-12

# Sums in another order differ in their last digits: a permutation that only restores the data must
# count as extreme as they are.
_ROUNDING = 1e-9


def randomisation_p(
    first: Array,
    second: Array,
    difference: Callable[[Array, Array], Array],
    permutations: int,
    seed: int,
) -> float:
    """Two-sided p of a difference between paired scores: approximate randomisation.

    `first` and `second` are what each record adds to either side, shape (records, columns);
    `difference` takes totals of both sides, shape (..., columns), to their difference, shape (...).
    If the sides do not differ, it is as likely that they are exchanged in a record as that they
    are not. p = (k + 1) / (permutations + 1), with k random exchanges at least as far from 0 as
    the data.

    Records with equal rows are interchangeable, so that only the number of exchanges among them is
    drawn; the order of records does not matter.

    Source: Noreen, Computer-intensive methods for testing hypotheses, 1989; Phipson and Smyth,
    Permutation p-values should never be zero, 2010 (the + 1).
    """
    both = np.concatenate([first, second], axis=1)
    rows, counts = np.unique(both, axis=0, return_counts=True)
    ones, others = np.split(rows, 2, axis=1)
    exchange = others - ones
    totals_first, totals_second = counts @ ones, counts @ others
    observed = abs(float(difference(totals_first, totals_second)))
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS_AT_ONCE // len(rows))
    extreme = 0
    for start in range(0, permutations, chunk):
        size = min(chunk, permutations - start)
        moved = _exchanges(generator, counts, size) @ exchange
        found = difference(totals_first + moved, totals_second - moved)
        extreme += int((np.abs(found) >= observed - _ROUNDING).sum())
    return _share(extreme, permutations)


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
