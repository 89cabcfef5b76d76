"""Draws distinct samples: fixed shares of each stratum, and splits that cannot share an input."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.data.demo.shelf import Shelf

# The share of all possible inputs that each split may use.
SPLIT_BOUNDS = {"train": (0.0, 0.6), "val": (0.6, 0.75), "test": (0.75, 1.0)}

# After so many draws without a new sample, a stratum counts as exhausted.
MAX_DRAWS = 3000


@dataclass(frozen=True)
class Sample:
    """The content of a record, as strings in the form of the release."""

    input: str
    output: str
    options: str | None = None
    relevance: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Task:
    """How the samples of a task are made.

    `strata` are the kinds of samples and their shares; `make` makes one sample of a stratum.
    `training` are the shares in training, where they differ.
    """

    hub_name: str
    strata: Mapping[Any, float]
    make: Callable[[Shelf, Any, Random], Sample]
    has_ood: bool
    training: Mapping[Any, float] | None = None

    def shares(self, split: str) -> Mapping[Any, float]:
        """The shares of the strata in a split."""
        return self.training if split == "train" and self.training else self.strata


def stratified(strata: Mapping[Any, float], count: int, rng: Random) -> list[Any]:
    """`count` strata in random order, each as often as its share says, however small `count` is."""
    total = sum(strata.values())
    exact = {stratum: count * share / total for stratum, share in strata.items()}
    order = [stratum for stratum, quota in exact.items() for _ in range(int(quota))]
    # Ties between remainders are broken at random, else the first would always be favoured.
    candidates = rng.sample(list(exact), len(exact))
    candidates.sort(key=lambda stratum: round(exact[stratum] % 1, 9), reverse=True)
    order += candidates[: count - len(order)]
    rng.shuffle(order)
    return order


def draw_samples(
    task: Task, shelf: Shelf, split: str, count: int, rng: Random, where: str
) -> Iterator[Sample]:
    """`count` samples with distinct inputs, none of which another split of the shelf can draw.

    Raises:
        InputError: the catalogue cannot give so many.
    """
    seen: set[bytes] = set()
    made: Counter[Any] = Counter()
    shares = task.shares(split)
    for stratum in stratified(shares, count, rng):
        for _ in range(MAX_DRAWS):
            sample = task.make(shelf, stratum, rng)
            digest = hashlib.sha256(sample.input.encode()).digest()[:12]
            # The out-of-domain category is in test only, so no other split can share its inputs.
            if digest not in seen and (shelf.ood or falls_into(split, digest)):
                break
        else:
            share = shares[stratum] / sum(shares.values())
            raise InputError(
                f"{where}: {number_of(count, 'record')} requested, but the catalogue gives about "
                f"{int(made[stratum] / share)} distinct ones; request fewer or add products"
            )
        seen.add(digest)
        made[stratum] += 1
        yield sample


def falls_into(split: str, digest: bytes) -> bool:
    """Whether the input with this digest belongs to the split, whatever the sizes of the splits."""
    low, high = SPLIT_BOUNDS[split]
    return low <= int.from_bytes(digest[:4]) / 2**32 < high
