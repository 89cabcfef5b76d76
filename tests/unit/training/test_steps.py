"""The steps of a training."""

from collections import Counter
from itertools import chain
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.training.batches import Example, plan_steps, stratified_order
from ecslm.training.settings import Order, TrainingSettings

ORDERS: tuple[Order, ...] = ("shuffled", "stratified")


def example(answer: int, task: str = "SA") -> Example:
    """An example with an answer of one token."""
    return Example(task, [1, 2, 3], [answer], truncated=False)


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(0, 5),
    st.sampled_from(ORDERS),
)
def test_each_epoch_visits_every_example_once_in_global_batches(
    answers: list[int], epochs: int, global_batch: int, seed: int, order: Order
) -> None:
    settings = TrainingSettings(epochs=epochs, global_batch=global_batch, order=order)
    steps = plan_steps([example(answer) for answer in answers], settings, seed)
    per_epoch = -(-len(answers) // global_batch)
    assert len(steps) == epochs * per_epoch
    for epoch in range(epochs):
        members = steps[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(chain.from_iterable(members)) == list(range(len(answers)))
        assert all(len(step) == global_batch for step in members[:-1])


@pytest.mark.parametrize("order", ORDERS)
def test_epochs_and_seeds_have_orders_of_their_own(order: Order) -> None:
    examples = [example(index % 3) for index in range(30)]
    settings = TrainingSettings(epochs=2, global_batch=1, order=order)
    first, second = (plan_steps(examples, settings, seed) for seed in (0, 1))
    assert first != second
    assert first[:30] != first[30:]
    assert first == plan_steps(examples, settings, 0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 100))
def test_a_stratum_is_spread_evenly(strata: list[int], seed: int) -> None:
    """At any point, all strata have had the same share of their members, give or take one."""
    order = stratified_order(strata, Random(seed))
    sizes, seen = Counter(strata), Counter[int]()
    for index in order:
        seen[strata[index]] += 1
        # The time at which the member came is known up to the width of its slot.
        slots = [
            ((seen[stratum] - 1) / size, (seen[stratum] + 1) / size)
            for stratum, size in sizes.items()
        ]
        assert max(low for low, _ in slots) < min(high for _, high in slots)


def test_answers_of_a_task_are_in_every_step_and_tasks_are_apart() -> None:
    """Two tasks with the same two answers, a quarter of the records each."""
    examples = [example(index % 2, "SA" if index < 200 else "PM") for index in range(400)]
    settings = TrainingSettings(epochs=1, global_batch=8, order="stratified")
    for step in plan_steps(examples, settings, 0):
        counts = Counter((examples[i].task, *examples[i].answer) for i in step)
        assert set(counts.values()) == {2}
