"""The GPUs of this machine, as its NVIDIA driver lists them: without torch, which would use one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError

# There while the driver's kernel module is loaded, in containers too.
DRIVER = Path("/dev/nvidiactl")


@dataclass(frozen=True)
class Device:
    """A GPU, or an instance of one that is partitioned (MIG): what one process computes on."""

    uuid: str
    number: int
    """The number of the GPU, as `nvidia-smi` counts."""
    name: str
    gpu_uuid: str
    """The UUID of the GPU that it is an instance of; equal to `uuid` for a whole GPU."""

    @property
    def whole(self) -> bool:
        """Whether it is a whole GPU. Only these can compute together."""
        return self.uuid == self.gpu_uuid

    def __str__(self) -> str:
        """What it is called in messages."""
        return f"GPU {self.number}" if self.whole else f"{self.uuid} of GPU {self.number}"


def list_devices() -> list[Device]:
    """The devices in the driver's order, of the bus; none if there is no driver.

    Raises:
        InputError: there is a driver, but it does not answer.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return [
                device
                for number in range(pynvml.nvmlDeviceGetCount())
                for device in _of_gpu(pynvml, number)
            ]
        finally:
            pynvml.nvmlShutdown()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        if not DRIVER.exists():
            return []
        raise InputError(
            "device: there is an NVIDIA driver, but not its library libnvidia-ml.so.1: in a "
            "container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility; elsewhere, reinstall the "
            "driver"
        ) from None
    except pynvml.NVMLError as error:
        raise InputError(
            f"device: the NVIDIA driver does not answer ({error}): make `nvidia-smi` work, for "
            "example by a restart after an update of the driver"
        ) from None


def _of_gpu(nvml: Any, number: int) -> Iterator[Device]:
    gpu = nvml.nvmlDeviceGetHandleByIndex(number)
    uuid, name = nvml.nvmlDeviceGetUUID(gpu), nvml.nvmlDeviceGetName(gpu)
    if not _is_partitioned(nvml, gpu):
        yield Device(uuid, number, name, uuid)
        return
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, place)
        except nvml.NVMLError_NotFound:
            continue
        own = nvml.nvmlDeviceGetUUID(instance), number, nvml.nvmlDeviceGetName(instance)
        yield Device(*own, gpu_uuid=uuid)


def _is_partitioned(nvml: Any, gpu: Any) -> bool:
    try:
        current, _after_a_restart = nvml.nvmlDeviceGetMigMode(gpu)
    except nvml.NVMLError_NotSupported:
        return False
    return bool(current == nvml.NVML_DEVICE_MIG_ENABLE)
