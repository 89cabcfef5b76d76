"""The GPUs of this machine, as its NVIDIA driver lists them: without torch, which would use one.

And those of them that a process may use, by CUDA_VISIBLE_DEVICES: see
https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables. What CUDA would
pass over in silence, such as a device that does not exist, is an error here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.worker.place import DEVICES_VARIABLE

# There while the driver's kernel module is loaded, in containers too.
DRIVER = Path("/dev/nvidiactl")
# What ends the list of the variable; SLURM's NoDevFiles says that there are none.
END = ("", "-1", "NoDevFiles")
# How the UUID of an instance of a GPU begins that is partitioned.
INSTANCE = "MIG-"


@dataclass(frozen=True)
class Device:
    """A GPU, or an instance of one that the user has named."""

    uuid: str
    number: int
    """As `nvidia-smi` counts; -1 for an instance."""
    name: str

    def __str__(self) -> str:
        """What it is called in messages."""
        return self.uuid if self.number < 0 else f"GPU {self.number}"


def list_devices() -> list[Device]:
    """The GPUs in the driver's order, of the bus; none if there is no driver.

    Raises:
        InputError: there is a driver, but it does not answer.
    """
    import pynvml as nvml

    try:
        nvml.nvmlInit()
        try:
            gpus = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
            return [
                Device(nvml.nvmlDeviceGetUUID(gpu), number, nvml.nvmlDeviceGetName(gpu))
                for number, gpu in enumerate(gpus)
            ]
        finally:
            # A fork of this process could not use it.
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        absent = (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded)
        if isinstance(error, absent) and not DRIVER.exists():
            return []
        raise InputError(
            f"device: the NVIDIA driver does not answer ({error}): make `nvidia-smi` work, for "
            "example by a restart after an update of the driver; in a container, set "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        ) from None


def visible_devices(devices: Sequence[Device], variable: str | None) -> list[Device]:
    """The devices that the variable names, in its order; all, if it is not set.

    They are named by numbers, UUIDs or beginnings of them; instances by their whole UUID.

    Raises:
        InputError: an entry is not one device of this machine, or one that is named before.
    """
    if variable is None:
        return list(devices)
    found: list[Device] = []
    for entry in map(str.strip, variable.split(",")):
        if entry in END:
            break
        named = [
            one
            for one in devices
            if str(one.number) == entry or (one.uuid.startswith(entry) and "-" in entry)
        ]
        if entry.startswith(INSTANCE):
            named = [Device(entry, -1, "instance of a GPU")]
        if len(named) != 1 or named[0] in found:
            listed = ", ".join(f"{device.number} ({device.uuid})" for device in devices)
            message = (
                f"{entry} is no GPU of this machine, several, or named twice; it has {listed}: "
                "correct the variable, or unset it"
            )
            raise InputError(Problem(message, DEVICES_VARIABLE))
        found += named
    return found
