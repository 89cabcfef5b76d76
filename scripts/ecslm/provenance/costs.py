"""The costs of jobs: measured when they last ran, or estimated from similar jobs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel

from ecslm.common.errors import InputError
from ecslm.common.validation import read_model
from ecslm.plan.plan import Plan
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import BASES

# Rules whose jobs run a model; that of BERTScores writes down no cost.
LONG = ("train_adapter", "predict", "measure_latency", "bertscore")


@dataclass(frozen=True)
class Cost:
    """Seconds of a job on its devices; `estimated` if it has not run here yet."""

    seconds: float
    """From start to end."""
    device: str
    estimated: bool = False

    @property
    def device_seconds(self) -> float:
        """Those of each device together: `2 x NVIDIA L4` are two."""
        number, _, _ = self.device.rpartition(" x ")
        return self.seconds * (int(number) if number.isdecimal() else 1)


class _CostFile(BaseModel):
    """What a cost.json says of time. That of an adapter also has the seconds of the job since it
    last began: if it was killed before that, less than those of training."""

    device: str
    seconds: float
    load_seconds: float = 0.0
    job_seconds: float = 0.0


def cost_in(path: Path) -> Cost | None:
    """The cost that a file tells; None if it is missing or edited, which should keep no one from
    being told what would run."""
    try:
        found = read_model(path, _CostFile)
    except InputError:
        return None
    return Cost(max(found.job_seconds, found.load_seconds + found.seconds), found.device)


class Costs:
    """Costs of the jobs that train, predict or measure latency; no others are measured."""

    def __init__(self, plan: Plan, jobs: Iterable[Job]) -> None:
        self._plan, self._jobs = plan, tuple(jobs)
        self._expected: dict[str, Cost | None] = {}

    def is_measured(self, job: Job) -> bool:
        """Whether the job writes down what it cost."""
        return "cost" in job.outputs

    def takes_long(self, job: Job) -> bool:
        """Whether the job takes more than seconds: not if all answers exist already."""
        if job.rule == "predict":
            return bool(self._plan.study.model(job.key["model"]).RESOURCES)
        return job.rule in LONG

    def expected(self, job: Job) -> Cost | None:
        """What the job cost when it last ran, or what jobs like it did; None if unknown."""
        if not self.is_measured(job):
            return None
        if job.manifest not in self._expected:
            self._expected[job.manifest] = self._last(job) or self._estimate(job)
        return self._expected[job.manifest]

    def _last(self, job: Job) -> Cost | None:
        return cost_in(Path(*job.outputs["cost"]))

    def _estimate(self, job: Job) -> Cost | None:
        for likeness in likenesses(job.rule, job.key, job.inputs):
            if costs := self._measured.get(likeness):
                return _mean(costs)
        return None

    @cached_property
    def _measured(self) -> dict[tuple[str, ...], list[Cost]]:
        """The costs of all jobs that have run, by all that other jobs may have in common with
        them."""
        found = defaultdict(list)
        for job in self._jobs:
            if self.is_measured(job) and (cost := self._last(job)):
                for likeness in likenesses(job.rule, job.key, job.inputs):
                    found[likeness].append(cost)
        return found


def likenesses(rule: str, key: Mapping[str, str], inputs: Iterable[str]) -> list[tuple[str, ...]]:
    """What jobs that take about as long have in common with one, the most similar first: its model
    or base, and its task.

    Args:
        key: its wildcards.
    """
    bases = [path for path in inputs if path.startswith(BASES)]
    names = [key["model"], *bases] if "model" in key else bases
    of_task = [(rule, name, key["task"]) for name in names] if "task" in key else []
    return [*of_task, *((rule, name) for name in names)]


def _mean(costs: Sequence[Cost]) -> Cost:
    """The mean over those of the device that most of them ran on."""
    ((device, _),) = Counter(cost.device for cost in costs).most_common(1)
    seconds = fmean(cost.seconds for cost in costs if cost.device == device)
    return Cost(seconds, device, estimated=True)
