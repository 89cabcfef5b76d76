"""Which records settings are chosen by: none of them is learned from at the same time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

# With fewer records for validation, differences between settings are chance: training records are
# held out as well, a fifth at a time.
ENOUGH, FOLDS = 200, 5


def held_out(
    train: Sequence[object],
    val: Sequence[object],
    classes: NDArray[np.str_] | None = None,
    rounds: int = 1,
) -> list[tuple[Numbers, Numbers]]:
    """Pairs of records to learn from and records to answer, as numbers: those of `train`, then
    those of `val`. Their order must be as good as a random one. A single record is both.

    Args:
        classes: what should be as frequent in each pair.
        rounds: how often each record is held out, beside others each time, if training records are.
    """
    numbers = np.arange(len(train) + len(val))
    if len(numbers) == 1:
        return [(numbers, numbers)]
    if len(val) >= ENOUGH:
        return [(numbers[: len(train)], numbers[len(train) :])]
    folds = min(FOLDS, len(numbers))
    orders = [numbers, *(np.random.default_rng(i).permutation(numbers) for i in range(1, rounds))]
    if classes is not None:
        orders = [order[np.argsort(classes[order], kind="stable")] for order in orders]
    held = [np.sort(order[fold::folds]) for order in orders for fold in range(folds)]
    return [(np.setdiff1d(numbers, some), some) for some in held]
