"""Token prefixes that several prompts of a batch begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ecslm.models.batching import common_length

Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Group:
    """Prompts with the same prefix."""

    prefixes: tuple[int, ...]
    """Lengths of the prefix and, before it, of the shorter ones that more prompts begin with. Each
    is computed from the one before. Empty: nothing is shared."""
    rows: tuple[int, ...]
    """Indices of prompts; each is longer than the prefix."""


def groups_by_prefix(prompts: Prompts, worth: int) -> list[Group]:
    """Divide the prompts into groups with a prefix.

    A prefix is shared where that saves computing at least `worth` tokens. At least the last token
    of each prompt remains, since the answer follows from it.
    """
    order = sorted(range(len(prompts)), key=lambda row: list(prompts[row]))
    groups, alone = _divide(prompts, order, (), 0, worth)
    return [*groups, *_group((), alone)]


def _divide(
    prompts: Prompts, rows: list[int], prefixes: tuple[int, ...], start: int, worth: int
) -> tuple[list[Group], list[int]]:
    """Groups with longer prefixes than `prefixes`, and the rows that are left.

    The rows are sorted by their tokens and equal up to `start`.
    """
    groups: list[Group] = []
    alone: list[int] = []
    computed = prefixes[-1] if prefixes else 0
    for _, members in groupby(rows, lambda row: prompts[row][start]):
        branch = list(members)
        # Less the last token, if that ends the first.
        length = common_length(prompts[branch[0]][:-1], prompts[branch[-1]])
        if len(branch) == 1 or length == start:
            alone += branch
        elif (len(branch) - 1) * (length - computed) >= worth:
            longer = (*prefixes, length)
            deeper, left = _divide(prompts, branch, longer, length, worth)
            groups += [*_group(longer, left), *deeper]
        else:
            deeper, left = _divide(prompts, branch, prefixes, length, worth)
            groups += deeper
            alone += left
    return groups, alone


def _group(prefixes: tuple[int, ...], rows: list[int]) -> list[Group]:
    return [Group(prefixes, tuple(rows))] if rows else []
