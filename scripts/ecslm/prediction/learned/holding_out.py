"""Which records settings are chosen by: none of them is learned from at the same time."""

from collections.abc import Sequence

from ecslm.schemas.record import Record

# With fewer records for validation, differences between settings are chance: training records are
# held out as well, a fifth at a time.
ENOUGH, FOLDS = 200, 5


def held_out(
    train: Sequence[Record], val: Sequence[Record]
) -> list[tuple[list[Record], list[Record]]]:
    """Pairs of records to learn from and of records to answer."""
    if len(val) >= ENOUGH:
        return [(list(train), list(val))]
    # Ids are digests, so that their order is as good as a random one.
    both = sorted([*train, *val], key=lambda record: record.id)
    folds = min(FOLDS, len(both))
    return [
        ([one for i, one in enumerate(both) if i % folds != fold], both[fold::folds])
        for fold in range(folds)
    ]
