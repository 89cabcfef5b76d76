"""Checks this machine: its GPUs and their driver, and the folder for caches.

Also finds the device of resources/devices.csv on which jobs would compute, for estimates.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

from ecslm.common.environment import cpu_type
from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.estimates.estimate import Device
from ecslm.plan.requests import SLOW, requests_of
from ecslm.preflight.findings import Finding, PlannedRun, cuda_of_torch, error, ok, warning
from ecslm.provenance.checks import check_gpus
from ecslm.training.settings import AUTO_ON_CPU

# Flags of instructions for bfloat16, the fastest first, and devices that have them.
CPUS = {"amx_bf16": "two CPU cores with AMX", "avx512_bf16": "two CPU cores with AVX512-BF16"}
SLOW_BFLOAT16 = (
    "computes bfloat16 many times slower than estimated (compute capability below 8.0); float16 is "
    "not offered: use a GPU such as an A10G or L4, or `precision: {dtype: float32}`"
)


def check_devices(run: PlannedRun) -> Iterator[Finding]:
    """Whether there are the GPUs that a run asks for, with a driver that torch can use.

    Raises:
        InputError: the start of the run would refuse it.
    """
    asked = ((job.resources["gpu"], run.device_of(job)) for job in run.model_jobs)
    check_gpus(asked, run.profile.gpus, run.profile.is_local)
    for job in run.model_jobs:
        if job.rule == "train_adapter" and run.device_of(job) == "cpu":
            training = run.study.local_models[job.key["model"]].training
            if training and training.batch_tokens == "auto":
                yield error(f"training.batch_tokens: {AUTO_ON_CPU}", job.key["model"])
    if not run.gpu_jobs:
        yield ok("none needed")
        return
    if (built := cuda_of_torch()) is None:
        fix = "install one for CUDA: see pytorch.org/get-started/locally"
        yield error(f"this build is only for the CPU, but models run on cuda: {fix}", "torch")
    if not run.profile.is_local:
        return
    if (driver := run.driver) is None:
        fix = "use a machine with one, PROFILE=slurm, or `device: cpu` with PROFILE=default"
        yield error(f"models run on cuda, but this machine has no NVIDIA GPU: {fix}")
        return
    counts = Counter(f"{gpu.name} ({gpu.memory / 1e9:.0f} GB)" for gpu in driver.gpus)
    yield ok(", ".join(f"{count} x {gpu}" for gpu, count in counts.items()), gpus=len(driver.gpus))
    if problem := driver.problem(built):
        yield error(problem, "NVIDIA driver")
    types = {model.precision.dtype for model in run.study.local_models.values()}
    old = sorted({gpu.name for gpu in driver.gpus if gpu.capability < (8, 0)})
    if old and types - {"float32"}:
        yield warning(SLOW_BFLOAT16, ", ".join(old))


def check_cache_folder() -> None:
    """Check that there is a folder for caches, without which Snakemake ends with a traceback.

    Raises:
        InputError: it cannot be made or written, or the user has no home.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "snakemake")
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError) as problem:
        fix = "set XDG_CACHE_HOME to a folder that you may write"
        raise InputError(f"no folder for caches ({problem}): {fix}") from None


def met(run: PlannedRun) -> tuple[Device, str]:
    """The device that jobs of a run would meet on this machine: the most similar one of the file,
    with the memory of the actual one; and its name here, empty if the device is not known, as those
    of a cluster. Of several GPUs it is the one with the least memory.
    """
    devices = requests_of(run.study).devices
    if not run.gpu_jobs:
        flags, threads = cpu_type().split(), run.study.settings.threads
        kind = next((CPUS[flag] for flag in CPUS if flag in flags), SLOW["cpu"])
        return devices[kind].with_threads(threads), f"this CPU, {number_of(threads, 'thread')}"
    slow = devices[SLOW["cuda"]]
    if not run.profile.is_local or not run.driver or not run.driver.gpus:
        return slow, ""
    gpu = min(run.driver.gpus, key=lambda one: one.memory)
    # One that is not in the file is taken for a slow one.
    device = alike(gpu.name, devices.values()) or slow
    return device.model_copy(update={"memory_gb": gpu.memory / 1e9}), gpu.name


def alike(name: str, known: Iterable[Device]) -> Device | None:
    """The device of the file that a driver's name means: `NVIDIA H100 PCIe` is `NVIDIA H100 PCIe 80
    GB`, `NVIDIA H100 80GB HBM3` the other H100."""
    words = {*re.split(r"[^a-z0-9]+", name.casefold())} | {"nvidia", "sxm", "80", "gb"}
    found = [device for device in known if words >= {*device.name.casefold().split()}]
    return max(found, key=lambda device: "PCIe" in device.name, default=None)
