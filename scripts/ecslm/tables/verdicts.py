"""What an interval says of a value that it is compared with."""

from typing import Literal

from ecslm.tables.model import Interval

Position = Literal["above", "contains", "below"]
Within = Literal["yes", "no", "unclear"]


def position(interval: Interval, value: float, rounding: float = 0.0) -> Position:
    """Whether an interval lies above a value, contains it, or lies below it.

    Args:
        rounding: the value may be as much smaller or larger as that.
    """
    if interval.low > value + rounding:
        return "above"
    if interval.high < value - rounding:
        return "below"
    return "contains"


def within(interval: Interval, value: float, margin: float) -> Within:
    """Whether what an interval estimates is at most `margin` below a value: the whole interval
    must be, or none of it; otherwise it is unclear."""
    if interval.low >= value - margin:
        return "yes"
    return "no" if interval.high < value - margin else "unclear"


def advantage(value: float, other: float, rounding: float = 0.0) -> int:
    """1 if a value is larger than another, -1 if it is smaller, 0 if rounding does not tell."""
    if abs(value - other) <= rounding:
        return 0
    return 1 if value > other else -1
