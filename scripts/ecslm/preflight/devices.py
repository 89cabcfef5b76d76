"""Checks whether there are as many GPUs as a run asks for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, errors_of, ok
from ecslm.preflight.gpus import Gpu
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import SLURM
from ecslm.provenance.gpus import check_gpus


def check_devices(run: PlannedRun) -> Iterator[Finding]:
    """The GPUs that there are, and for what a run would be refused that asks for others."""
    # A driver that does not answer is told by both.
    yield from dict.fromkeys((*_present(run), *_refused(run)))


def listed(gpus: tuple[Gpu, ...]) -> str:
    """GPUs by name and memory, for example `2 x NVIDIA L4 (24 GB)`."""
    alike = Counter((gpu.name, gpu.memory) for gpu in gpus)
    return ", ".join(
        f"{number} x {name} ({memory / 1e9:.0f} GB)" for (name, memory), number in alike.items()
    )


def _present(run: PlannedRun) -> Iterator[Finding]:
    if not run.gpu_jobs:
        yield ok("none needed")
    else:
        yield from _here(run) if run.profile.is_local else _on_cluster(run)


def _refused(run: PlannedRun) -> Iterator[Finding]:
    try:
        check_gpus(run.gpu_needs, run.profile.gpus, run.profile.is_local)
    except InputError as problems:
        yield from errors_of(problems)


def _here(run: PlannedRun) -> Iterator[Finding]:
    try:
        found = run.driver
    except InputError as problems:
        yield from errors_of(problems)
        return
    if found is None:
        yield error(
            "cuda, but this machine has no NVIDIA GPU",
            run.device_key,
            "run it on a machine with one, send its jobs to a cluster with PROFILE=slurm, or run "
            "models on the CPU: `device: cpu`, and PROFILE=default",
        )
    elif found.gpus:
        here, asked = len(found.gpus), run.profile.gpus
        idle = f", of which jobs use {asked} at a time" if asked and asked < here else ""
        yield ok(f"{listed(found.gpus)}{idle}", gpus=here)


def _on_cluster(run: PlannedRun) -> Iterator[Finding]:
    if run.profile.executor != SLURM:
        yield ok(f"those of {run.profile.executor}, which are not checked")
        return
    # Whether they suffice, and why SLURM cannot be asked, is told with the cluster.
    with suppress(InputError):
        shown = ", ".join(f"{number} x {kind}" for kind, number in sorted(run.cluster.items()))
        yield ok(f"the cluster has {shown or 'none'}", gpus=sum(run.cluster.values()))
