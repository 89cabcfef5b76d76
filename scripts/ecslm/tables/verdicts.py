"""Verdicts on a value from the interval that it is compared with."""

from typing import Literal

from ecslm.tables.model import Interval

Position = Literal["above", "contains", "below"]
Within = Literal["yes", "no", "unclear"]


def position(interval: Interval, value: float, rounding: float = 0.0) -> Position:
    """Whether an interval lies above a value, contains it, or lies below it.

    Args:
        rounding: how much smaller or larger the value may be.
    """
    if interval.low > value + rounding:
        return "above"
    if interval.high < value - rounding:
        return "below"
    return "contains"


def within(interval: Interval, value: float, margin: float) -> Within:
    """Whether an estimate is at most `margin` below a value: yes if its whole interval is, no if
    none of it is, otherwise unclear.
    """
    if interval.low >= value - margin:
        return "yes"
    return "no" if interval.high < value - margin else "unclear"


def advantage(value: float, other: float, rounding: float = 0.0) -> int:
    """1 if a value is larger than another, -1 if it is smaller, 0 if rounding does not tell."""
    if abs(value - other) <= rounding:
        return 0
    return 1 if value > other else -1
