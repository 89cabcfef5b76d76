"""The GPUs of this machine and of a cluster, and their driver, without loading torch."""

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

import pynvml

from ecslm.common.devices.listing import Device, list_devices
from ecslm.common.devices.visible import visible_devices
from ecslm.common.errors import InputError
from ecslm.common.worker.place import DEVICES_VARIABLE

# How SLURM writes so many GPUs of a type in a node's generic resources, for example `gpu:h100:8`.
GRES = re.compile(r"gpu:(?:(?P<type>[^:,()]+):)?(?P<number>\d+)")
SECONDS = 5


@dataclass(frozen=True)
class Gpu:
    """A GPU, or an instance of one that is partitioned; memory in bytes."""

    name: str
    memory: int
    free: int
    whole: bool = True


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, and the GPUs that jobs started here would lease."""

    version: str
    cuda: tuple[int, int]
    """The newest version of CUDA that it runs: major and minor."""
    gpus: tuple[Gpu, ...]


def read_driver() -> Driver | None:
    """The driver of this machine; None if it has none, or no GPU.

    Raises:
        InputError: it does not answer, or CUDA_VISIBLE_DEVICES names a GPU that there is not.
    """
    present = list_devices()
    if not present:
        return None
    seen = visible_devices(present, os.environ.get(DEVICES_VARIABLE))
    pynvml.nvmlInit()
    try:
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion())
        return Driver(
            version=str(pynvml.nvmlSystemGetDriverVersion()),
            # 12040 is 12.4.
            cuda=(cuda // 1000, cuda % 1000 // 10),
            gpus=tuple(map(_gpu, seen)),
        )
    finally:
        pynvml.nvmlShutdown()


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


def _gpu(device: Device) -> Gpu:
    memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(device.uuid))
    return Gpu(device.name, int(memory.total), int(memory.free), device.whole)
