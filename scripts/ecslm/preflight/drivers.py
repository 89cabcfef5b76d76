"""The GPUs of this machine, their driver, and the CUDA of torch, without loading it."""

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pynvml

from ecslm.common.devices import list_devices, visible_devices
from ecslm.common.locks import DEVICES_VARIABLE

# As torch writes it into its version.py.
CUDA = re.compile(r"^cuda\b[^=\n]*=\s*'(\d+)\.\d+'", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """A GPU, or an instance of one that is partitioned; memory in bytes."""

    name: str
    memory: int
    free: int
    capability: tuple[int, int]
    """The compute capability, such as 9.0 of an H100."""


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, and the GPUs that jobs started here would lease."""

    version: str
    cuda: int
    """The newest major version of CUDA that it runs."""
    gpus: tuple[Gpu, ...]

    def problem(self, built: int | None) -> str:
        """Why it does not run what was built for a major version of CUDA; empty if it does.

        It runs what was built for its major version or an earlier one: see "CUDA compatibility" in
        NVIDIA's documentation.
        """
        if built is None or built <= self.cuda:
            return ""
        return (
            f"{self.version} runs CUDA up to {self.cuda}, but torch is built for {built}: install "
            f"a driver for CUDA {built}, or a build of torch for CUDA {self.cuda}"
        )


def read_driver() -> Driver | None:
    """The driver of this machine; None if it has none, or no GPU.

    Raises:
        InputError: it does not answer, or CUDA_VISIBLE_DEVICES names a GPU that there is not.
    """
    present = list_devices()
    if not present:
        return None
    gpus = []
    pynvml.nvmlInit()
    try:
        for device in visible_devices(present, os.environ.get(DEVICES_VARIABLE)):
            handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
            gpus.append(Gpu(device.name, int(memory.total), int(memory.free), (major, minor)))
        # 12040 is 12.4.
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion()) // 1000
        return Driver(str(pynvml.nvmlSystemGetDriverVersion()), cuda, tuple(gpus))
    finally:
        pynvml.nvmlShutdown()


def cuda_of_torch() -> int | None:
    """The major version; None if torch was built for the CPU alone or is not installed."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    found = CUDA.search((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8"))
    return None if found is None else int(found[1])
