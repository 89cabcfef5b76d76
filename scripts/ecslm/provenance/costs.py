"""The costs of jobs: measured when they last ran, or estimated from similar jobs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel

from ecslm.common.errors import InputError
from ecslm.common.validation import read_model
from ecslm.provenance.dag import Job
from ecslm.reports.run_progress import PlannedJob
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

    def __init__(self, jobs: Iterable[Job]) -> None:
        # By all that other jobs may have in common with those that have run.
        self._known: dict[tuple[str, ...], list[Cost]] = defaultdict(list)
        for job in jobs:
            if "cost" in job.outputs and (cost := cost_in(Path(*job.outputs["cost"]))):
                for likeness in ((job.manifest,), *likenesses(job.rule, job.key, job.inputs)):
                    self._known[likeness].append(cost)

    def expected(self, job: Job) -> Cost | None:
        """What the job cost when it last ran, or what jobs like it did; None if unknown."""
        if "cost" not in job.outputs:
            return None
        if (job.manifest,) in self._known:
            return self._known[job.manifest,][0]
        alike = likenesses(job.rule, job.key, job.inputs)
        return next((_mean(self._known[one]) for one in alike if one in self._known), None)


def takes_long(job: Job) -> bool:
    """Whether a job takes more than seconds: it runs a model, here or on a server."""
    return bool(job.resources.get("gpu") or job.resources.get("api"))


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


def planned_job(job: Any, records: Any, shares: Mapping[str, float] | None = None) -> PlannedJob:
    """A job of Snakemake's own graph, with the seconds that it last took, for the display of a run.

    Args:
        records: what Snakemake has noted of finished jobs, its `persistence`.
        shares: the share of each limited resource that it takes, if it is going to run.
    """
    # What a job measures counts work that was stopped and continued.
    cost = cost_in(Path(job.output.cost)) if hasattr(job.output, "cost") else None
    noted = records.metadata(job.output[0])
    seconds = cost.seconds if cost else None
    if not cost and noted and noted.starttime is not None and noted.endtime is not None:
        # None of results that were adopted.
        seconds = max(0.0, noted.endtime - noted.starttime) or None
    rule = job.rule.name
    alike = [*likenesses(rule, job.wildcards_dict, job.input), (rule,)]
    alike += [] if rule in LONG else [("short",)]
    return PlannedJob(seconds, tuple(alike), shares or {})
