"""Sums that do not depend on the order of records, and ratios that may divide by 0."""

import math

import numpy as np

from ecslm.scoring.metrics.protocol import Array


def column_totals(sums: Array) -> Array:
    """Exact sum over records, in any order: shape (records, columns) to (columns)."""
    return np.array([math.fsum(column) for column in sums.T.tolist()])


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`; None if `whole` is 0."""
    return float(part) / float(whole) if whole else None


def ratios(parts: Array, wholes: Array) -> Array:
    """Element-wise `parts / wholes`; NaN where the whole is 0."""
    found: Array = np.full(np.shape(wholes), np.nan, dtype=np.result_type(parts, wholes))
    np.divide(parts, wholes, out=found, where=wholes != 0)
    return found


def f1(tp: float, fp: float, fn: float) -> float | None:
    """F1 = 2 tp / (2 tp + fp + fn); None if there are no predicted and no actual positives."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def f1s(tp: Array, fp: Array, fn: Array) -> Array:
    """Element-wise F1; NaN where it is undefined."""
    return ratios(2 * tp, 2 * tp + fp + fn)
