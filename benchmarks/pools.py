"""Places the jobs of a study on a pool of GPUs, by their estimated seconds.

As Snakemake does, without looking ahead: of those whose inputs are there, the one with the longest
way to go first.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecslm.estimates.estimate import Device
from ecslm.plan.requests import Requests
from ecslm.plan.study import Study

# Rules whose jobs are placed.
KINDS = ("train_adapter", "predict", "bertscore")


@dataclass(frozen=True)
class Pool:
    """GPUs of one type that jobs are placed on."""

    name: str
    card: str
    count: int
    submitting: float = 0.0
    """Seconds that a scheduler takes to start each job; 0 without one."""

    @property
    def shares(self) -> bool:
        """Whether predictions of a model and seed share a process that loads it once, which jobs of
        a scheduler do not: see docs/slurm.md."""
        return self.submitting == 0


@dataclass(frozen=True)
class Unit:
    """What one GPU does at a stretch: a job, or all predictions of a model and seed."""

    kind: str
    makes: str
    needs: str
    seconds: float


@dataclass(frozen=True)
class Placed:
    """What a study takes on a pool."""

    hours: Mapping[str, float]
    """Of GPUs, by kind of job."""
    wall: float
    """Hours from the first job to the last."""

    @property
    def all(self) -> float:
        """Hours of GPUs, of all jobs."""
        return sum(self.hours.values())


def units(plan: Study, requests: Requests, device: Device, shares: bool) -> list[Unit]:
    """What has to be computed on GPUs, that the target `all` asks for.

    Args:
        shares: whether predictions of a model and seed load it once.
    """
    predicted: dict[str, list[dict[str, str]]] = defaultdict(list)
    for run in plan.runs():
        predicted[f"predict {run['model']}/{run['seed']}"].append(run)
    scored = [run for run in plan.runs() if run["task"] in plan.generation_tasks]
    stretches = [
        *((f"train_adapter {x['model']}/{x['seed']}", [x], "") for x in plan.adapters()),
        *(
            (name, runs, f"train_adapter {plan.adapter_name(runs[0]['model'])}/{runs[0]['seed']}")
            for name, runs in predicted.items()
        ),
        *(
            (f"bertscore {number}", [x], f"predict {x['model']}/{x['seed']}")
            for number, x in enumerate(scored)
        ),
    ]
    found = []
    for makes, jobs, needs in stretches:
        kind = makes.partition(" ")[0]
        estimates = [
            requests.of_key(kind, job, device, loads=number == 0 or not shares)
            for number, job in enumerate(jobs)
        ]
        seconds = sum(one.seconds for one in estimates if one is not None)
        found.append(Unit(kind, makes, needs, seconds))
    return found


def place(units: Sequence[Unit], pool: Pool) -> Placed:
    """Place units on GPUs, each as soon as its inputs are there and a GPU is free."""
    made_by = {unit.makes: number for number, unit in enumerate(units)}
    before = [{made_by[unit.needs]} if unit.needs in made_by else set() for unit in units]
    after: dict[int, list[int]] = defaultdict(list)
    for number, needed in enumerate(before):
        for one in needed:
            after[one].append(number)
    way = ways(units, after)
    ready = [(-way[number], number) for number, needed in enumerate(before) if not needed]
    heapq.heapify(ready)
    waiting = {number: set(needed) for number, needed in enumerate(before) if needed}
    running: list[tuple[float, int]] = []
    now, free = 0.0, pool.count
    hours: dict[str, float] = defaultdict(float)
    while ready or running:
        while ready and free:
            _, number = heapq.heappop(ready)
            seconds = units[number].seconds + pool.submitting
            heapq.heappush(running, (now + seconds, number))
            hours[units[number].kind] += seconds / 3600
            free -= 1
        now, done = heapq.heappop(running)
        free += 1
        for number in after[done]:
            waiting[number].discard(done)
            if not waiting[number]:
                heapq.heappush(ready, (-way[number], number))
    return Placed(hours, now / 3600)


def ways(units: Sequence[Unit], after: Mapping[int, Sequence[int]]) -> dict[int, float]:
    """Seconds from the start of each unit to the end of the last one that needs it."""
    found: dict[int, float] = {}

    def way(number: int) -> float:
        if number not in found:
            rest = max(map(way, after.get(number, ())), default=0.0)
            found[number] = units[number].seconds + rest
        return found[number]

    return {number: way(number) for number in range(len(units))}
