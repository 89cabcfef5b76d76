"""Intervals and tests of a difference of proportions, paired or not, without resampling."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ecslm.schemas.metrics_file import Interval95
from ecslm.scoring.intervals import wilson_interval

# The largest confidence that is tried: p-values are at least 1 minus this.
_ALMOST_CERTAIN = 1 - 1e-12

_ROUNDING = 1e-9


class PairedTable(NamedTuple):
    """How many records both sides got right, only the first, only the second, and neither."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def differing(self) -> int:
        """Records that only one side got right."""
        return self.first_only + self.second_only


def newcombe_interval(
    values: tuple[float, float], intervals: tuple[Interval95, Interval95]
) -> Interval95:
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
    values: tuple[float, float], intervals: Callable[[float], tuple[Interval95, Interval95]]
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


def newcombe_paired_interval(table: PairedTable, confidence: float) -> Interval95:
    """Interval of the difference of two paired proportions, the first minus the second.

    Wilson's intervals of both are combined as in `newcombe_interval`, with the correlation of the
    two, corrected for continuity where it is positive.

    Source: Newcombe, Improved confidence intervals for the difference between binomial proportions
    based on paired data, Statistics in Medicine 17, 1998, method 10.
    """
    records, first = sum(table), table.both + table.first_only
    second = table.both + table.second_only
    value, other = first / records, second / records
    low, high = wilson_interval(first, records, confidence)
    other_low, other_high = wilson_interval(second, records, confidence)
    # Phi, 0 if it is undefined.
    excess = float(table.both * table.neither - table.first_only * table.second_only)
    whole = math.prod((first, records - first, second, records - second))
    phi = min(excess, max(0.0, excess - records / 2)) / math.sqrt(whole) if whole else 0.0

    def spread(one: float, another: float) -> float:
        # Rounding may make a sum of 0 negative.
        return math.sqrt(max(0.0, one**2 - 2 * phi * one * another + another**2))

    return (
        value - other - spread(value - low, other_high - other),
        value - other + spread(high - value, other - other_low),
    )


def consistent_interval(table: PairedTable, confidence: float) -> Interval95:
    """Newcombe's interval, extended to 0 where McNemar's exact test does not reject equality.

    The test is exact and the interval approximate, so that it leaves 0 out at a p of up to 0.09
    with 40 records, and 0.125 with 20 or fewer. Extended, the interval and the test never
    contradict each other, and it covers at least as often. (Where the test rejects, Newcombe's
    interval never has 0 in it.)
    """
    low, high = newcombe_paired_interval(table, confidence)
    if mcnemar_p(table) <= 1 - confidence:
        return low, high
    return min(low, 0.0), max(high, 0.0)


def mcnemar_p(table: PairedTable) -> float:
    """Exact two-sided p of equal proportions, from the records that only one side got right.

    Source: McNemar, Psychometrika 12(2), 1947; exact by the binomial distribution with 1/2.
    """
    # Slow to import and used only here.
    from scipy.stats import binomtest

    return float(binomtest(table.first_only, table.differing).pvalue) if table.differing else 1.0
