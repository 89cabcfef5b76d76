"""Whether there are as many GPUs as a run asks for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from ecslm.common.errors import InputError
from ecslm.common.worker.place import DEVICES_VARIABLE
from ecslm.preflight.findings import Finding, error, errors_of, ok
from ecslm.preflight.gpus import Gpu
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import SLURM


def check_devices(run: PlannedRun) -> Iterator[Finding]:
    """Whether there are GPUs, as many as the profile hands out, and as many as a training takes."""
    if not run.gpu_jobs:
        yield ok("none needed")
        return
    yield from _here(run) if run.profile.is_local else _on_cluster(run)
    if run.profile.gpus == 0:
        yield error(
            "gpu=0: without a limit all jobs would load their models at once",
            f"{run.profile.file}: resources",
            "set gpu=1",
        )
    wanted, given = run.plan.study.settings.gpus, run.profile.gpus
    if trains(run) and given and wanted > given:
        study = run.plan.study.name
        yield error(
            f"gpu={given}, but each training takes {wanted} (studies.{study}.gpus)",
            f"{run.profile.file}: resources",
            f"set gpu={wanted} or more there, or `gpus: {given}` in the study",
        )


def trains(run: PlannedRun) -> bool:
    """Whether a job of the run trains."""
    return any(job.rule == "train_adapter" for job in run.jobs)


def listed(gpus: tuple[Gpu, ...]) -> str:
    """GPUs by name and memory, for example `2 x NVIDIA L4 (24 GB)`."""
    alike = Counter((gpu.name, gpu.memory) for gpu in gpus)
    return ", ".join(
        f"{number} x {name} ({memory / 1e9:.0f} GB)" for (name, memory), number in alike.items()
    )


def _here(run: PlannedRun) -> Iterator[Finding]:
    study, asked = run.plan.study.name, run.profile.gpus
    try:
        found = run.driver
    except InputError as problems:
        yield from errors_of(problems)
        return
    if found is None or not found.gpus:
        hidden = found is not None
        reason = (
            f"{DEVICES_VARIABLE} hides all GPUs" if hidden else "this machine has no NVIDIA GPU"
        )
        yield error(
            f"cuda, but {reason}",
            run.device_key,
            f"unset {DEVICES_VARIABLE}"
            if hidden
            else "run it on a machine with one, send its jobs to a cluster with PROFILE=slurm, or "
            "run models on the CPU: `device: cpu`, and PROFILE=default",
        )
        return
    here, whole = len(found.gpus), sum(gpu.whole for gpu in found.gpus)
    idle = f", of which jobs use {asked} at a time" if asked and asked < here else ""
    yield ok(f"{listed(found.gpus)}{idle}", gpus=here)
    if asked is not None and asked > here:
        yield error(
            f"gpu={asked}, but jobs would see {here} here",
            f"{run.profile.file}: resources",
            f"set gpu={here}",
        )
    if trains(run) and (wanted := run.plan.study.settings.gpus) > max(whole, 1):
        yield error(
            f"each training takes {wanted} GPUs, but jobs would see {whole} whole ones here",
            f"studies.{study}.gpus",
            f"set it to {max(whole, 1)}",
        )


def _on_cluster(run: PlannedRun) -> Iterator[Finding]:
    if run.profile.executor != SLURM:
        yield ok(f"those of {run.profile.executor}, which are not checked")
        return
    # Whether they suffice, and why SLURM cannot be asked, is told with the cluster.
    with suppress(InputError):
        shown = ", ".join(f"{number} x {kind}" for kind, number in sorted(run.cluster.items()))
        yield ok(f"the cluster has {shown or 'none'}", gpus=sum(run.cluster.values()))
