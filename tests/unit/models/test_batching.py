"""Batches grouped by length under a budget of padded tokens."""

from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ecslm.models.prompts import batches_by_length


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 2000))
def test_each_index_is_in_one_batch_the_longest_first_and_batches_keep_to_the_budget(
    lengths: list[int], budget: int
) -> None:
    batches = batches_by_length(range(len(lengths)), lengths, budget)
    # Ties keep their order.
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    assert list(chain.from_iterable(batches)) == order
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= budget
    for batch, following in pairwise(batches):
        assert lengths[batch[0]] * (len(batch) + 1) > budget, following
