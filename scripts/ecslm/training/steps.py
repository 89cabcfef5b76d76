"""The steps of a training: which examples each has."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

from ecslm.training.batches import Example
from ecslm.training.settings import TrainingSettings


def plan_steps(
    examples: Sequence[Example], settings: TrainingSettings, seed: int
) -> list[list[int]]:
    """Plan all optimiser steps of a training: the examples of each by index.

    Each epoch is a seeded order cut into global batches (the last may be smaller). A resumed
    training continues in this plan where it stopped.
    """
    strata: Sequence[Hashable] = range(len(examples))
    if settings.order == "stratified":
        strata = [(example.task, *example.answer) for example in examples]
    batch = settings.global_batch
    steps = []
    for epoch in range(settings.epochs):
        order = stratified_order(strata, random.Random(f"{seed}-{epoch}"))
        steps += [order[start : start + batch] for start in range(0, len(order), batch)]
    return steps


def stratified_order(strata: Sequence[Hashable], rng: random.Random) -> list[int]:
    """A random order of all indices in which those of a stratum are evenly spread.

    Systematic sampling: the n members of a stratum, shuffled, come at the times (i + u) / n, with
    one random u for each stratum. If each has one member, it is a plain shuffle.
    """
    members = defaultdict(list)
    for index, stratum in enumerate(strata):
        members[stratum].append(index)
    times = {}
    for indices in members.values():
        rng.shuffle(indices)
        start = rng.random()
        for place, index in enumerate(indices):
            times[index] = (place + start) / len(indices)
    return sorted(times, key=times.__getitem__)
