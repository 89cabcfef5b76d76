"""A share of the training records: how many, which, and in what order."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import make_record

from ecslm.schemas.record import Record, share_of

FRACTIONS = st.floats(0, 1, exclude_min=True)
TASKS = st.lists(st.sampled_from(["PM", "AG", "SR"]), max_size=60)


def of_tasks(tasks: list[str]) -> list[Record]:
    return [make_record(number, task=task) for number, task in enumerate(tasks)]


@given(TASKS, FRACTIONS)
def test_each_task_has_its_share_and_at_least_one_record(tasks: list[str], part: float) -> None:
    found = Counter(record.task for record in share_of(of_tasks(tasks), part))
    wanted = Counter(tasks)
    assert found.keys() == wanted.keys()
    for task, count in found.items():
        assert count == 1 or abs(count - part * wanted[task]) <= 0.5


@given(TASKS, FRACTIONS, FRACTIONS)
def test_the_records_of_a_share_are_among_those_of_a_larger_one(
    tasks: list[str], one: float, other: float
) -> None:
    small, large = (share_of(of_tasks(tasks), part) for part in sorted((one, other)))
    assert {record.id for record in small} <= {record.id for record in large}


@given(st.permutations(range(12)), FRACTIONS)
def test_the_order_of_the_data_does_not_decide_which_records_are_taken(
    order: list[int], part: float
) -> None:
    records = of_tasks(["PM"] * 12)
    taken = {record.id for record in share_of([records[number] for number in order], part)}
    assert taken == {record.id for record in share_of(records, part)}
