"""Runs of a small study that are about to start, on made-up machines."""

from collections.abc import Iterable
from typing import Any

from support.plans import LOCAL, MODELS, plan
from support.stated_jobs import jobs_of

from ecslm.models.bases import BaseSource, HubSource
from ecslm.preflight.findings import Driver, Finding, Gpu, PlannedRun
from ecslm.preflight.profiles import Profile

HERE = Profile("default", gpus=1)
GPU = Gpu("NVIDIA Z100", memory=80 * 10**9, capability=(9, 0))
# The smallest study that trains.
ONE = {
    "tasks": ["PM"],
    "baselines": [],
    "data": LOCAL,
    "models": {"Small-EC": MODELS["Small-EC"] | {"seeds": [0]}},
}


def planned_run(
    profile: Profile = HERE, bases: dict[str, BaseSource] | None = None, **study: Any
) -> PlannedRun:
    """A run of a study of one task and one tuned model, of which nothing has been made."""
    made = plan(**(ONE | study))
    made.config.bases.update(bases or {})
    return PlannedRun(made, jobs_of(made), profile)


def on_hub(revision: str = "main") -> HubSource:
    """Weights on the hub."""
    return HubSource(source="hub", id="a/small", revision=revision)


def driver(*gpus: Gpu, cuda: int = 13) -> Driver:
    """An NVIDIA driver."""
    return Driver(cuda, gpus)


def lines(findings: Iterable[Finding]) -> list[str]:
    """Findings as they are told, without those that nothing is wrong with."""
    return [f"{one.severity}: {one}" for one in findings if one.severity != "ok"]
