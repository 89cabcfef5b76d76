"""Whether there are as many GPUs as a run asks for."""

import os
from collections import Counter
from collections.abc import Iterator

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, errors_of, ok
from ecslm.preflight.gpus import VISIBLE, Gpu, cluster_gpus
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import SLURM


def check_devices(run: PlannedRun) -> Iterator[Finding]:
    """Whether there are GPUs, as many as the profile hands out, and as many as a training takes."""
    if not run.gpu_jobs:
        yield ok("none needed")
        return
    yield from _here(run) if run.profile.is_local else _on_cluster(run)
    wanted, given = run.plan.study.settings.gpus, run.profile.gpus
    trains = any(job.rule == "train_adapter" for job in run.gpu_jobs)
    if trains and given is not None and wanted > given:
        study = run.plan.study.name
        yield error(
            f"gpu={given}, but each training takes {wanted} (studies.{study}.gpus)",
            f"{run.profile.file}: resources",
            f"set gpu={wanted} or more there, or `gpus: {given}` in the study",
        )


def listed(gpus: tuple[Gpu, ...]) -> str:
    """GPUs by name and memory, for example `2 x NVIDIA L4 (24 GB)`."""
    alike = Counter((gpu.name, gpu.memory) for gpu in gpus)
    return ", ".join(
        f"{number} x {name} ({memory / 1e9:.0f} GB)" for (name, memory), number in alike.items()
    )


def _here(run: PlannedRun) -> Iterator[Finding]:
    driver, study = run.driver, run.plan.study.name
    device = f"studies.{study}.device"
    if driver is None or not driver.gpus:
        hidden = driver is not None and VISIBLE in os.environ
        reason = f"{VISIBLE} hides all GPUs" if hidden else "this machine has no NVIDIA GPU"
        yield error(
            f"cuda, but {reason}",
            device,
            "run it on a machine with one, send its jobs to a cluster with PROFILE=slurm, or set "
            "it to cpu",
        )
        return
    here, asked = len(driver.gpus), run.profile.gpus
    yield ok(listed(driver.gpus))
    if asked is not None and asked > here:
        yield error(
            f"gpu={asked}, but jobs would see {here} here",
            f"{run.profile.file}: resources",
            f"set gpu={here}",
        )
    if (wanted := run.plan.study.settings.gpus) > here:
        yield error(
            f"each training takes {wanted} GPUs, but jobs would see {here} here",
            f"studies.{study}.gpus",
            f"set it to {here}",
        )


def _on_cluster(run: PlannedRun) -> Iterator[Finding]:
    if run.profile.executor != SLURM:
        yield ok(f"those of {run.profile.executor}, which are not checked")
        return
    try:
        found = cluster_gpus()
    except InputError as problems:
        yield from errors_of(problems)
        return
    if found:
        shown = ", ".join(f"{number} x {kind}" for kind, number in sorted(found.items()))
        yield ok(f"the cluster has {shown}")
    else:
        yield error(
            "no node offers a GPU, but models run on cuda",
            "sinfo",
            f"name the GPUs as `Gres` in slurm.conf, or set `device: cpu` of {run.plan.study.name}",
        )
