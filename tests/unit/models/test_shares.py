"""A share of the training records: how many, which, and in what order."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import make_record

from ecslm.schemas.record import share_of

FRACTIONS = st.floats(0, 1, exclude_min=True)
TASKS = st.lists(st.sampled_from(["PM", "AG", "SR"]), max_size=60)


@given(TASKS, FRACTIONS, FRACTIONS, st.randoms(use_true_random=False))
def test_a_share_has_some_of_each_task_whatever_the_order_and_all_of_a_smaller_one(
    tasks: list[str], one: float, other: float, chance: Random
) -> None:
    records = [make_record(number, task=task) for number, task in enumerate(tasks)]
    small, large = (share_of(records, part) for part in sorted((one, other)))
    found, wanted = Counter(record.task for record in large), Counter(tasks)
    assert found.keys() == wanted.keys()
    for task, count in found.items():
        assert count == 1 or abs(count - max(one, other) * wanted[task]) <= 0.5
    assert {record.id for record in small} <= {record.id for record in large}
    chance.shuffle(records)
    taken = share_of(records, max(one, other))
    assert {record.id for record in taken} == {record.id for record in large}
