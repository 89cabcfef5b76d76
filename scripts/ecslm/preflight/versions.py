"""Whether the installed libraries are the locked ones, and run on this driver."""

import re
from collections.abc import Iterator
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
    locked = lock_versions(PINNED.findall(read_text(LOCK_FILE)))
    differing = {
        package: version
        for package, version in installed_versions(locked).items()
        if version != locked[package]
    }
    if not differing:
        yield ok(f"all {len(locked)} have the versions of {LOCK_FILE.name}")
        return
    checked = {name for job in run.jobs for name in versions_in(job.versions)}
    for package in sorted(checked & differing.keys()):
        yield error(
            f"{differing[package]} here, {locked[package]} in {LOCK_FILE.name}", package, MAKE_SETUP
        )
    if others := sorted(differing.keys() - checked):
        yield warning(f"other versions than in {LOCK_FILE.name}", shortened(others), MAKE_SETUP)


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
            "this build is for the CPU alone, but models run on cuda",
            "torch",
            f"install a build of {torch} for CUDA: see pytorch.org/get-started/locally",
        )
        return
    found = _driver(run)
    if found is None:
        return
    has, needs = ".".join(map(str, found.cuda)), ".".join(map(str, built))
    if built[0] > found.cuda[0]:
        yield error(
            f"{found.version} runs CUDA up to {has}, but torch is built for {needs}",
            "NVIDIA driver",
            f"install a driver for CUDA {built[0]}, or a build of torch for CUDA {found.cuda[0]}",
        )
    else:
        yield ok(f"torch for CUDA {needs}, driver {found.version} for CUDA up to {has}")


def _driver(run: PlannedRun) -> Driver | None:
    """The driver that jobs meet, if it is that of this machine and answers."""
    if run.profile.is_local:
        # That it does not answer is told with the GPUs.
        with suppress(InputError):
            return run.driver
    return None
