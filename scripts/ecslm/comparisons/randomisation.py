"""p-values with their Monte Carlo error, and the paired randomisation test: exact where all
exchanges can be enumerated, else Monte Carlo."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecslm.schemas.metrics_file import Interval95
from ecslm.scoring.intervals import CONFIDENCE
from ecslm.scoring.metrics.protocol import Array, Metric
from ecslm.scoring.outcomes import mean_values

# Exchanges are enumerated if that takes up to this many numbers, one for each exchange and distinct
# pair of rows, which is about what the default number of random ones takes with 1,000 records. That
# is enough for 18 records of any metric, and for an F1 whose sides differ in 1,400 records of
# either class.
MOST_CELLS = 2**23

# Values in memory at once, as floats, with four times as many intermediate ones: 20 MB.
_CELLS_AT_ONCE = 500_000

# Sums in another order differ in their last digits. A permutation that restores the data must still
# count as equally extreme.
_ROUNDING = 1e-9

_STEP = 1e-30


@dataclass(frozen=True)
class PValue:
    """A p-value; `interval` is that of a Monte Carlo p, None of an exact one."""

    value: float
    interval: Interval95 | None = None

    def at_least(self, exact: float) -> "PValue":
        """The larger of this p and an exact one; its interval ends no lower."""
        low, high = (max(one, exact) for one in self.interval or (self.value, self.value))
        return PValue(max(self.value, exact), None if low == high else (low, high))


def monte_carlo_p(extreme: int, drawn: int) -> PValue:
    """p of a test in which `extreme` of `drawn` random values are at least as extreme as the data.

    p = (extreme + 1) / (drawn + 1) is never 0. The interval, of 95 %, is that of the p that more
    draws would tend to: a verdict that depends on where in it p lies is one of luck.

    Source: Phipson and Smyth, Permutation p-values should never be zero, Statistical Applications
    in Genetics and Molecular Biology 9(1), 2010; interval: Clopper and Pearson, Biometrika 26(4),
    1934.
    """
    # Slow to import and used only here.
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = betaincinv(extreme, drawn - extreme + 1, tail) if extreme else 0.0
    high = betaincinv(extreme + 1, drawn - extreme, 1 - tail) if extreme < drawn else 1.0
    return PValue((extreme + 1) / (drawn + 1), (float(low), float(high)))


@dataclass(frozen=True)
class _Pairs:
    """The distinct pairs of rows, whichever of the two comes first, and how often each occurs.

    `ones` and `others` have shape (pairs, columns). `exchanged` is how many of a pair's records
    have `others` on the first side. Records with the same pair are interchangeable, so these
    numbers say all about an exchange; a pair of equal rows is never exchanged.
    """

    ones: Array
    others: Array
    counts: NDArray[np.intp]
    exchanged: Array


def randomisation_p(
    first: Array, second: Array, measure: Metric, seeds: int, permutations: int, seed: int
) -> PValue:
    """Two-sided p of a difference between paired scores: a studentised randomisation test.

    `first` and `second` are each record's terms on either side, shape (records, seeds x columns);
    the score is the mean of `measure` over seeds. Under the null hypothesis, exchanging the two
    sides of a record is as likely as not. p is the probability of a difference at least as many
    standard errors from 0 as the data: over all exchanges, if few enough are distinct
    (`MOST_CELLS`), otherwise over `permutations` random ones.

    The test is exact if outcomes are exchangeable. Dividing by the standard error also gives the
    right size in large samples if only the scores are equal, for example two equal F1 where one
    side says yes far more often (benchmarks/size.py: without it, a test at 5 % rejects up to 26 %).
    For a mean the division changes nothing.

    Neither the order of records nor of the two sides matters.

    Source: Noreen, Computer-intensive methods for testing hypotheses, 1989; Chung and Romano, Exact
    and asymptotically robust permutation tests, Annals of Statistics 41(2), 2013 (the standard
    error).
    """
    pairs = _pairs(first, second)
    observed = float(_studentised(pairs.exchanged[None, :], pairs, measure, seeds)[0])
    bound = observed * (1 - _ROUNDING) - _ROUNDING

    def is_extreme(exchanged: Array) -> NDArray[np.bool_]:
        return _studentised(exchanged, pairs, measure, seeds) >= bound

    # How many of each pair's records change something if they are exchanged.
    movable = np.where((pairs.ones != pairs.others).any(axis=1), pairs.counts, 0)
    at_once = max(1, _CELLS_AT_ONCE // len(pairs.counts))
    if math.prod(count + 1 for count in movable.tolist()) * len(movable) <= MOST_CELLS:
        chance = math.fsum(
            chance
            for exchanged, chances in _all_exchanges(movable, at_once)
            for chance in chances[is_extreme(exchanged)].tolist()
        )
        return PValue(min(1.0, chance))
    drawn = _random_exchanges(movable, permutations, seed, at_once)
    return monte_carlo_p(sum(int(is_extreme(one).sum()) for one in drawn), permutations)


def _pairs(first: Array, second: Array) -> _Pairs:
    places = np.arange(len(first))
    # The side with the lower row, by the first column in which they differ, comes first.
    at = (first != second).argmax(axis=1)
    lower_first = first[places, at] <= second[places, at]
    ordered = np.where(
        lower_first[:, None],
        np.concatenate([first, second], axis=1),
        np.concatenate([second, first], axis=1),
    )
    rows, pair_of, counts = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
    exchanged = np.bincount(pair_of.ravel(), weights=~lower_first, minlength=len(rows))
    ones, others = np.split(rows, 2, axis=1)
    return _Pairs(ones, others, counts, exchanged.astype(np.float64))


def _studentised(exchanged: Array, pairs: _Pairs, measure: Metric, seeds: int) -> Array:
    """Absolute differences divided by their standard errors, shape (exchanges,).

    `exchanged` is how many records of each pair have its second row on the first side, shape
    (exchanges, pairs). The standard error comes from each record's influence on the difference.
    """
    ones, others, counts = pairs.ones, pairs.others, pairs.counts
    moved = exchanged @ (others - ones)
    first, second = counts @ ones + moved, counts @ others - moved
    difference = np.abs(mean_values(measure, first, seeds) - mean_values(measure, second, seeds))
    by_first, by_second = (slopes(measure, totals, seeds) for totals in (first, second))
    kept = by_first @ ones.T - by_second @ others.T
    swapped = by_first @ others.T - by_second @ ones.T
    variance = ((counts - exchanged) * kept**2 + exchanged * swapped**2).sum(axis=1)
    error = np.sqrt(variance)
    # Without spread, any difference other than 0 is infinitely many standard errors away.
    certain = np.where(difference > _ROUNDING, np.inf, 0.0)
    found: Array = np.divide(difference, error, out=certain, where=error > _ROUNDING)
    return found


def slopes(measure: Metric, totals: Array, seeds: int) -> Array:
    """Derivatives of the mean of a metric over seeds by each of the sums, both of shape
    (..., seeds x columns); 0 if undefined.

    The product of these with a record's sums is its influence on the score. Influences add up to 0
    over all records, since a common scale of all sums changes nothing.

    Source: Squire and Trapp, Using complex variables to estimate derivatives of real functions,
    SIAM Review 40(1), 1998: so small an imaginary step leaves no error but the last digit.
    """
    by_seed = totals.reshape(*totals.shape[:-1], seeds, -1)
    steps = 1j * _STEP * np.eye(by_seed.shape[-1])
    found = [np.nan_to_num(measure.values(by_seed + step)).imag / _STEP / seeds for step in steps]
    return np.stack(found, axis=-1).reshape(totals.shape)


def _all_exchanges(movable: NDArray[np.intp], at_once: int) -> Iterator[tuple[Array, Array]]:
    """All distinct exchanges, shape (exchanges, pairs), with the probability of each, in parts."""
    moving = np.flatnonzero(movable)
    sizes = movable[moving].tolist()
    # Binomial with 1/2; by integers, since these are too large for floats from 1,030 records on.
    chances = [
        np.array([math.comb(size, part) / 2**size for part in range(size + 1)]) for size in sizes
    ]
    total = math.prod(size + 1 for size in sizes)
    for start in range(0, total, at_once):
        rest = np.arange(start, min(start + at_once, total))
        exchanged = np.zeros((len(rest), len(movable)))
        chance = np.ones(len(rest))
        # The numbers of exchanges are the digits of the place, in a number system of mixed radix.
        for pair, size, of_pair in zip(moving, sizes, chances, strict=True):
            rest, digit = np.divmod(rest, size + 1)
            exchanged[:, pair] = digit
            chance *= of_pair[digit]
        yield exchanged, chance


def _random_exchanges(
    movable: NDArray[np.intp], size: int, seed: int, at_once: int
) -> Iterator[Array]:
    """`size` random exchanges, shape (exchanges, pairs), in parts."""
    generator = np.random.default_rng(seed)
    single = movable == 1
    several = movable > 1
    for start in range(0, size, at_once):
        part = min(at_once, size - start)
        drawn = np.zeros((part, len(movable)))
        # Coin flips are drawn much faster than binomial numbers, and most pairs are unique.
        drawn[:, single] = generator.integers(0, 2, size=(part, int(single.sum())), dtype=np.int8)
        drawn[:, several] = generator.binomial(
            movable[several], 0.5, size=(part, int(several.sum()))
        )
        yield drawn
