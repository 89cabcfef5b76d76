"""Batches grouped by length under a budget of padded tokens."""

from collections.abc import Sequence


def batches_by_length(
    indices: Sequence[int], lengths: Sequence[int], budget: int
) -> list[list[int]]:
    """Group indices so that a batch, padded to its longest member, holds at most `budget` tokens.

    Longest first, so that running out of memory shows in the first batch. A member longer than the
    budget goes alone. The grouping is a pure function of the arguments: ties keep their order.
    `lengths` is looked up by index.
    """
    batches: list[list[int]] = []
    for index in sorted(indices, key=lambda index: -lengths[index]):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
