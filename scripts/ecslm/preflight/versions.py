"""Checks whether the installed libraries are the locked ones, and run on this driver."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.versions import LOCK_FILE, installed_versions, lock_versions
from ecslm.plan.parameters import versions_in
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.gpus import Driver
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.torch_build import cuda_of_torch

MAKE_SETUP = "run `make setup`"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def check_versions(run: PlannedRun) -> Iterator[Finding]:
    """Whether each library has its locked version: jobs refuse others of those that can change
    their results."""
    differing = other_versions()
    yield from compared(run, differing, "here", MAKE_SETUP)
    if not differing:
        yield ok(f"all {len(_locked())} have the versions of {LOCK_FILE.name}")


def other_versions() -> dict[str, str]:
    """The versions of libraries that are not the locked ones."""
    locked = _locked()
    return {
        package: version
        for package, version in installed_versions(locked).items()
        if version != locked[package]
    }


def compared(
    run: PlannedRun, differing: Mapping[str, str], place: str, fix: str
) -> Iterator[Finding]:
    """What other versions mean for a run.

    Args:
        place: where they are installed.
    """
    checked = {name for job in run.jobs for name in versions_in(job.params.get("versions"))}
    for package in sorted(checked & differing.keys()):
        yield error(
            f"{differing[package]} {place}, {_locked()[package]} in {LOCK_FILE.name}", package, fix
        )
    if others := sorted(differing.keys() - checked):
        yield warning(f"other versions {place} than in {LOCK_FILE.name}", shortened(others), fix)


def _locked() -> dict[str, str]:
    return lock_versions(PINNED.findall(read_text(LOCK_FILE)))


def check_driver(run: PlannedRun) -> Iterator[Finding]:
    """Whether torch can use the GPUs of this machine.

    A driver runs what was built for its major version of CUDA or an earlier one: see "CUDA
    compatibility" in NVIDIA's documentation.
    """
    if not run.gpu_jobs:
        return
    built = cuda_of_torch()
    if built is None:
        torch = lock_versions(["torch"])["torch"]
        yield error(
            "this build is only for the CPU, but models run on cuda",
            "torch",
            f"install a build of {torch} for CUDA: see pytorch.org/get-started/locally",
        )
        return
    found = _driver(run)
    if found is not None:
        yield driver_fits(built, found.version, found.cuda)


def driver_fits(
    built: tuple[int, int], version: str, runs: tuple[int, int], place: str = ""
) -> Finding:
    """Whether a driver runs what torch was built for.

    Args:
        place: where it is, if not here.
    """
    has, needs = ".".join(map(str, runs)), ".".join(map(str, built))
    if built[0] > runs[0]:
        return error(
            f"{version}{place} runs CUDA up to {has}, but torch is built for {needs}",
            "NVIDIA driver",
            f"install a driver for CUDA {built[0]}, or a build of torch for CUDA {runs[0]}",
        )
    return ok(f"torch for CUDA {needs}, driver {version}{place} for CUDA up to {has}")


def _driver(run: PlannedRun) -> Driver | None:
    """The driver that jobs meet, if it is that of this machine and answers."""
    if run.profile.is_local:
        # That it does not answer is told with the GPUs.
        with suppress(InputError):
            return run.driver
    return None
