"""The expected F1 of answers that are drawn at random, record by record."""

import math

import numpy as np

from ecslm.scoring.metrics.arithmetic import ratios
from ecslm.scoring.metrics.protocol import Array

# Numbers of hits with a smaller probability are left out: together, less than rounding errors.
_NEGLIGIBLE = 1e-18


def expected_f1(hits: Array, false_alarms: Array) -> float:
    """The expected value of 2 tp / (2 tp + fp + fn), over independent records.

    An F1 is not linear, so its expected value is not the F1 of the expected counts.

    Args:
        hits: for each record of the class, the probability that it is a true positive; otherwise it
            is a false negative.
        false_alarms: for each other record, the probability that it is a false positive.
    """
    tp_values, tp_chances = _distribution(hits)
    fp_values, fp_chances = _distribution(false_alarms)
    wholes = len(hits) + tp_values[:, None] + fp_values
    # Nothing of the class and no answer of it: undefined, counted as 0.
    scores = np.nan_to_num(ratios(np.broadcast_to(2 * tp_values[:, None], wholes.shape), wholes))
    return float(tp_chances @ scores @ fp_chances)


def _distribution(chances: Array) -> tuple[Array, Array]:
    """How many of independent events happen: the numbers that may be, and their probabilities.

    Events with equal chances are a binomial; different binomials are convolved.
    """
    start, found = 0, np.ones(1)
    for chance, count in zip(*np.unique(chances, return_counts=True), strict=True):
        found = np.convolve(found, _binomial(int(count), float(chance)))
        kept = np.flatnonzero(found > _NEGLIGIBLE)
        start += int(kept[0])
        found = found[kept[0] : kept[-1] + 1]
    return start + np.arange(len(found), dtype=np.float64), found


def _binomial(count: int, chance: float) -> Array:
    """The probabilities of 0 to `count` of `count` events with equal chances."""
    if chance in (0.0, 1.0):
        certain = np.zeros(count + 1)
        certain[int(chance) * count] = 1.0
        return certain
    logs = [
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        for k in range(count + 1)
    ]
    k = np.arange(count + 1)
    found: Array = np.exp(logs + k * math.log(chance) + (count - k) * math.log1p(-chance))
    return found
