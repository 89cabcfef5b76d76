"""What an interval says of a value, for any interval and value."""

from ecslm.tables.verdicts import advantage, position, within
from hypothesis import given
from hypothesis import strategies as st

from ecslm.tables.model import Interval

scores = st.floats(0, 1)
margins = st.floats(0.001, 0.3)
roundings = st.sampled_from((0.0, 0.0005))
intervals = st.tuples(scores, scores).map(lambda ends: Interval(min(ends), max(ends)))


@given(intervals, scores, roundings)
def test_an_interval_contains_its_own_values_and_lies_to_one_side_of_all_others(
    interval: Interval, value: float, rounding: float
) -> None:
    found = position(interval, value, rounding)
    if interval.low <= value <= interval.high:
        assert found == "contains"
    elif found == "above":
        assert value < interval.low
    elif found == "below":
        assert value > interval.high
    else:
        # Only rounding can bring a value from outside into it.
        gap = max(interval.low - value, value - interval.high)
        assert 0 < gap <= rounding + 1e-12


@given(intervals, scores, margins)
def test_a_margin_never_makes_a_judgement_worse(
    interval: Interval, value: float, margin: float
) -> None:
    where, judged = position(interval, value), within(interval, value, margin)
    if where == "above":
        assert judged == "yes"
    if judged == "no":
        assert where == "below"


@given(scores, margins, st.floats(0.001, 0.3), scores)
def test_an_interval_on_both_sides_of_a_margin_leaves_it_unclear(
    value: float, margin: float, below: float, above: float
) -> None:
    line = value - margin
    assert within(Interval(line - below, line + above), value, margin) == "unclear"


@given(scores, scores, roundings)
def test_an_advantage_is_the_others_disadvantage_and_rounding_gives_none(
    value: float, other: float, rounding: float
) -> None:
    found = advantage(value, other, rounding)
    assert found == -advantage(other, value, rounding)
    assert (found == 0) == (abs(value - other) <= rounding)
    assert found == 0 or (found > 0) == (value > other)
