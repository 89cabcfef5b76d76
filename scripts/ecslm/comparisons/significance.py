"""p-values with their Monte Carlo error, bootstrap differences, and Holm's adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecslm.scoring.intervals import CONFIDENCE

Array = NDArray[np.float64]

Interval = tuple[float, float]

# Sums in another order differ in their last digits.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class PValue:
    """A p-value; `interval` is that of a Monte Carlo p, None of an exact one."""

    value: float
    interval: Interval | None = None

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


def centred_bootstrap_p(difference: float, resampled: Array) -> PValue:
    """Two-sided p of a difference between unpaired scores, from its bootstrap values.

    Resampled differences minus the observed one are distributed as under equal scores. Unlike
    permuting all records over both sides, this does not assume that both have the same shares of
    classes.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, section 16.4; Hall and
    Wilson, Two guidelines for bootstrap hypothesis testing, Biometrics 47(2), 1991.
    """
    extreme = int((np.abs(resampled - difference) >= abs(difference) - _ROUNDING).sum())
    return monte_carlo_p(extreme, len(resampled))


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
