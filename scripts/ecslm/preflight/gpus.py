"""The GPUs of this machine and of a cluster, and their driver, without loading torch."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pynvml

from ecslm.common.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
# How SLURM writes so many GPUs of a type in a node's generic resources, for example `gpu:h100:8`.
GRES = re.compile(r"gpu:(?:(?P<type>[^:,()]+):)?(?P<number>\d+)")
SECONDS = 5


@dataclass(frozen=True)
class Gpu:
    """A GPU; memory in bytes."""

    name: str
    uuid: str
    memory: int
    free: int


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, and the GPUs that jobs started here would see."""

    version: str
    cuda: tuple[int, int]
    """The newest version of CUDA that it runs: major and minor."""
    gpus: tuple[Gpu, ...]


def read_driver() -> Driver | None:
    """The driver of this machine; None if it has none."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion())
        gpus = [_gpu(number) for number in range(pynvml.nvmlDeviceGetCount())]
        return Driver(
            version=str(pynvml.nvmlSystemGetDriverVersion()),
            # 12040 is 12.4.
            cuda=(cuda // 1000, cuda % 1000 // 10),
            gpus=visible(gpus, os.environ.get(VISIBLE)),
        )
    finally:
        pynvml.nvmlShutdown()


def visible(gpus: Sequence[Gpu], chosen: str | None) -> tuple[Gpu, ...]:
    """The GPUs that a value of CUDA_VISIBLE_DEVICES leaves, as CUDA reads it: numbers or beginnings
    of UUIDs, up to the first that there is not."""
    if chosen is None:
        return tuple(gpus)
    found: list[Gpu] = []
    for entry in map(str.strip, chosen.split(",")):
        if entry.isdecimal():
            fitting = [gpus[int(entry)]] if int(entry) < len(gpus) else []
        else:
            fitting = [gpu for gpu in gpus if entry and gpu.uuid.startswith(entry)]
        if len(fitting) != 1 or fitting[0] in found:
            break
        found += fitting
    return tuple(found)


def cluster_gpus() -> Counter[str]:
    """How many GPUs of each type the cluster has, as SLURM says.

    Raises:
        InputError: SLURM cannot be asked here.
    """
    command = ["sinfo", "--noheader", "--Node", "--format=%N|%G"]
    if shutil.which(command[0]) is None:
        raise InputError("sinfo: not here: start the run on a node of the cluster, or in its shell")
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"sinfo: no answer within {SECONDS} seconds: is the controller up? ask its operators"
        ) from None
    if run.returncode:
        reason = " ".join(run.stderr.split()) or f"status {run.returncode}"
        raise InputError(f"sinfo: {reason}: is the controller up? ask its operators")
    # A node has a line for each of its partitions.
    nodes = dict(line.split("|", 1) for line in run.stdout.splitlines() if "|" in line)
    found: Counter[str] = Counter()
    for resources in nodes.values():
        for one in GRES.finditer(resources):
            found[one["type"] or "of no named type"] += int(one["number"])
    return found


def _gpu(number: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(number)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        name=str(pynvml.nvmlDeviceGetName(handle)),
        uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
        memory=int(memory.total),
        free=int(memory.free),
    )
