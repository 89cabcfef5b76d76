"""Batches grouped by length under a budget of padded tokens."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from ecslm.models.batching import batches_by_length

LENGTHS = st.lists(st.integers(1, 500), max_size=60)
BUDGET = st.integers(1, 2000)


@given(LENGTHS, BUDGET)
def test_every_index_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = batches_by_length(range(len(lengths)), lengths, budget)
    assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))


@given(LENGTHS, BUDGET)
def test_a_padded_batch_keeps_to_the_budget_unless_it_has_one_member(
    lengths: list[int], budget: int
) -> None:
    for batch in batches_by_length(range(len(lengths)), lengths, budget):
        padded = len(batch) * max(lengths[index] for index in batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS, BUDGET)
def test_the_longest_come_first(lengths: list[int], budget: int) -> None:
    batches = batches_by_length(range(len(lengths)), lengths, budget)
    order = [lengths[index] for batch in batches for index in batch]
    assert order == sorted(lengths, reverse=True)


def test_a_member_over_the_budget_goes_alone_and_ties_keep_their_order() -> None:
    assert batches_by_length(range(5), [3, 90, 3, 3, 3], 9) == [[1], [0, 2, 3], [4]]
