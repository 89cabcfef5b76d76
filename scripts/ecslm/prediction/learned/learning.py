"""Learning to answer a task from its records."""

from collections.abc import Callable, Sequence

from ecslm.prediction.learned.nearest import nearest
from ecslm.prediction.learned_settings import Method
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind

Answers = Callable[[Sequence[Record]], list[str]]


def learn(
    method: Method, task: TaskKind, train: Sequence[Record], val: Sequence[Record]
) -> Answers:
    """What answers records of a task.

    Args:
        train: the records to learn from; their order does not matter.
        val: records by which settings are chosen.
    """
    train, val = (sorted(records, key=lambda record: record.id) for records in (train, val))
    if method == "nearest":
        return nearest(train, task)
    return nearest(train, task)
