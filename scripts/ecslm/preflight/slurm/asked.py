"""The requests of a run's jobs to a SLURM cluster."""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ecslm.plan.rules import ModelRule
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.dag import Job


@dataclass(frozen=True)
class Place:
    """Where a job may be sent, as resources of the profile; empty fields if the profile does not
    say.
    """

    slurm_partition: str = ""
    slurm_account: str = ""
    gpu_model: str = ""
    qos: str = ""
    constraint: str = ""
    slurm_extra: str = ""

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions of which SLURM takes one; empty for its default partition."""
        return tuple(filter(None, self.slurm_partition.split(",")))


@dataclass(frozen=True)
class Asked:
    """What one job of the cluster asks for."""

    rule: str
    name: str
    place: Place
    gpus: int
    memory_mb: int
    """0 if an expression in the profile computes it (as in `minutes`), which is not compared."""
    minutes: int


def asked(run: PlannedRun) -> tuple[Asked, ...]:
    """What all jobs that are sent to nodes ask for."""
    alone: list[Asked] = []
    grouped: list[tuple[tuple[str, ...], Asked]] = []
    for job in run.jobs:
        rule = run.plan.rules[job.rule]
        # Snakemake runs the other ones itself, see rules/targets.smk.
        if not isinstance(rule, ModelRule):
            continue
        one = _of_job(run, rule, job)
        if job.rule in run.profile.grouped and one.gpus:
            grouped.append(((job.rule, job.key["model"], job.key["seed"]), one))
        else:
            alone.append(one)
    grouped.sort(key=lambda pair: pair[0])
    groups = (
        together([one for _, one in pairs], run.profile.gpus or 1)
        for _, pairs in groupby(grouped, key=lambda pair: pair[0])
    )
    return (*alone, *groups)


def _of_job(run: PlannedRun, rule: ModelRule[Any], job: Job) -> Asked:
    profile = run.profile
    key = rule.key_type(**job.key)
    request = rule.request(key)
    match job.rule:
        case "train_adapter":
            gpus = run.plan.study.settings.gpus
        case "predict" | "measure_latency":
            gpus = int(rule.needs(key).get("gpu", 0))
        case _:
            gpus = 1
    chosen = profile.set_resources.get(job.rule, {})
    return Asked(
        rule=job.rule,
        name=" ".join((job.rule, *job.key.values())),
        place=Place(**{name: profile.resource(job.rule, name) for name in vars(Place())}),
        gpus=_number(chosen.get("gpu", str(gpus))),
        memory_mb=_number(chosen.get("mem_mb", str(request.memory_mb))),
        minutes=_number(chosen.get("runtime", str(request.minutes))),
    )


def _number(value: str) -> int:
    return int(value) if value.isdecimal() else 0


def together(tasks: list[Asked], at_once: int) -> Asked:
    """Tasks of one model and seed as one job of the cluster, as Snakemake adds them up: so many at
    once as there are GPUs, the longest first."""
    longest = sorted(tasks, key=lambda one: one.minutes, reverse=True)
    layers = [longest[start : start + at_once] for start in range(0, len(longest), at_once)]
    return replace(
        tasks[0],
        name=tasks[0].name.rpartition(" ")[0],
        gpus=len(layers[0]),
        memory_mb=max(sum(one.memory_mb for one in layer) for layer in layers),
        minutes=sum(layer[0].minutes for layer in layers),
    )
