"""The GPUs of this machine and their driver, without loading torch."""

import os
from dataclasses import dataclass

import pynvml

from ecslm.common.devices.listing import Device, list_devices
from ecslm.common.devices.visible import visible_devices
from ecslm.common.worker.place import DEVICES_VARIABLE


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


def _gpu(device: Device) -> Gpu:
    memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(device.uuid))
    return Gpu(device.name, int(memory.total), int(memory.free), device.whole)
