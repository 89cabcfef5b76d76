"""Batching by length under a budget of padded tokens."""

from collections.abc import Sequence
from itertools import takewhile


def batches_by_length(
    indices: Sequence[int], lengths: Sequence[int], budget: int
) -> list[list[int]]:
    """Group indices so that a batch, padded to its longest member, has at most `budget` tokens.

    Batches come longest first, so that running out of memory shows in the first one. A member
    longer than the budget gets its own batch. The result is deterministic: ties keep their order.
    `lengths[index]` is the length of a member.
    """
    batches: list[list[int]] = []
    for index in sorted(indices, key=lambda index: -lengths[index]):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def common_length(first: Sequence[int], last: Sequence[int]) -> int:
    """How many first tokens two sequences share; so do all that are sorted between them."""
    pairs = zip(first, last, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
