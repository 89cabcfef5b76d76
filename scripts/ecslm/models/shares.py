"""A share of the training records, to see how many a model needs."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ecslm.common.hashing import sha256_of_text
from ecslm.schemas.record import Record


def share_of(records: Sequence[Record], fraction: float) -> list[Record]:
    """A share of each task's records, at least one of each task, in their order.

    Records are taken by the digests of their ids. So which ones are in a share depends on no seed
    and no other record, and those of a share are among those of every larger one.
    """
    counts = Counter(record.task for record in records)
    left = {task: max(1, round(fraction * count)) for task, count in counts.items()}
    taken: dict[str, set[int]] = defaultdict(set)
    for number in sorted(range(len(records)), key=lambda one: sha256_of_text(records[one].id)):
        task = records[number].task
        if len(taken[task]) < left[task]:
            taken[task].add(number)
    return [record for number, record in enumerate(records) if number in taken[record.task]]
