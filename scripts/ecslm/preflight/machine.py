"""Checks this machine: its GPUs and their driver, and the folder for caches.

Also finds the device of resources/devices.csv on which jobs would compute, for estimates.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ecslm.common.environment import lock_versions
from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.estimates.estimate import Device
from ecslm.plan.requests import SLOW, requests_of
from ecslm.preflight.findings import Finding, PlannedRun, cuda_of_torch, error, ok, warning
from ecslm.provenance.checks import check_gpus

CPU = Path("/proc/cpuinfo")
# Flags of instructions for bfloat16, the fastest first, and devices that have them.
CPUS = {
    "amx_bf16": "two CPU cores with AMX",
    "avx512_bf16": "two CPU cores with AVX512-BF16",
}
# The compute capability from which on GPUs compute in bfloat16.
FAST_BFLOAT16 = (8, 0)
SLOW_BFLOAT16 = (
    "has no bfloat16 of its own (compute capability below 8.0): it is emulated there, many times "
    "slower than estimated, and float16 is not offered: use a GPU such as an A10G or L4, or set "
    "`precision: {dtype: float32}`"
)


def check_devices(run: PlannedRun) -> Iterator[Finding]:
    """Whether there are the GPUs that a run asks for, with a driver that torch can use.

    Raises:
        InputError: the start of the run would refuse it.
    """
    asked = ((job.resources["gpu"], run.device_of(job)) for job in run.model_jobs)
    check_gpus(asked, run.profile.gpus, run.profile.is_local)
    built = cuda_of_torch()
    if not run.gpu_jobs:
        yield ok("none needed")
        return
    if run.profile.is_local:
        yield from _here(run, built)
    if built is None:
        torch = lock_versions(["torch"])["torch"]
        yield error(
            "this build is only for the CPU, but models run on cuda: install a build of "
            f"{torch} for CUDA: see pytorch.org/get-started/locally",
            "torch",
        )


def _here(run: PlannedRun, built: int | None) -> Iterator[Finding]:
    driver, asked = run.driver, run.profile.gpus
    if driver is None:
        of_profile = any(key.endswith(":device") for key in run.profile.resources)
        yield error(
            "cuda, but this machine has no NVIDIA GPU: run it on a machine with one, send its jobs "
            "to a cluster with PROFILE=slurm, or run models on the CPU: `device: cpu`, and "
            "PROFILE=default",
            run.profile.file if of_profile else f"studies.{run.study.name}.device",
        )
        return
    counts = Counter(f"{gpu.name} ({gpu.memory / 1e9:.0f} GB)" for gpu in driver.gpus)
    here, listed = len(driver.gpus), ", ".join(f"{count} x {gpu}" for gpu, count in counts.items())
    idle = f", of which jobs use {asked} at a time" if asked and asked < here else ""
    yield ok(f"{listed}{idle}", gpus=here)
    if problem := driver.problem(built):
        yield error(problem, "NVIDIA driver")
    types = {model.precision.dtype for model in run.study.local_models.values()}
    old = sorted({gpu.name for gpu in driver.gpus if gpu.capability < FAST_BFLOAT16})
    if old and types - {"float32"}:
        yield warning(SLOW_BFLOAT16, ", ".join(old))


def check_cache_folder() -> None:
    """Check that there is a folder for caches, without which Snakemake ends with a traceback.

    Raises:
        InputError: it cannot be made or written, or the user has no home.
    """
    fix = "set XDG_CACHE_HOME to a folder that you may write"
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "snakemake")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as problem:
        raise InputError(f"no folder for caches ({problem}): {fix}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: caches cannot be written there: {fix}")


def met(run: PlannedRun) -> tuple[Device, str | None]:
    """The device that jobs of a run would meet on this machine: the most similar one of the file,
    with the memory of the actual one; and the name that this machine gives it, None if the device
    is not known, as those of a cluster. Of several GPUs it is the slowest, with the least memory.
    """
    devices = requests_of(run.study).devices
    if not run.gpu_jobs:
        text = CPU.read_text(encoding="utf-8") if CPU.is_file() else ""
        kind = next((CPUS[flag] for flag in CPUS if flag in text.split()), SLOW["cpu"])
        named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
        threads = run.study.settings.threads
        name = f"{named[1] if named else 'this CPU'}, {number_of(threads, 'thread')}"
        return devices[kind].with_threads(threads), name
    slow = devices[SLOW["cuda"]]
    if not run.profile.is_local or not run.driver or not run.driver.gpus:
        return slow, None
    known = [device for device in devices.values() if device.kind == "cuda"]
    # One that is not in the file is taken for a slow one.
    here = ((alike(gpu.name, known) or slow, gpu.name) for gpu in run.driver.gpus)
    device, name = min(here, key=lambda one: one[0].tflops)
    memory = min(gpu.memory for gpu in run.driver.gpus)
    return device.model_copy(update={"memory_gb": memory / 1e9}), name


def alike(name: str, known: Iterable[Device]) -> Device | None:
    """The device of the file that a driver's name means: `NVIDIA H100 PCIe` is `NVIDIA H100 PCIe 80
    GB`, `NVIDIA H100 80GB HBM3` the other H100."""
    words = {*re.split(r"[^a-z0-9]+", name.casefold())} | {"nvidia", "sxm", "80", "gb"}
    found = [device for device in known if words >= {*device.name.casefold().split()}]
    return max(found, key=lambda device: "PCIe" in device.name, default=None)
