"""The GPUs of this machine, and the lease that gives each GPU job of this machine and user devices
that no other such job has.

GPUs are listed by the NVIDIA driver, without torch, which would use one; of these a process may use
those of CUDA_VISIBLE_DEVICES: see
https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables. What CUDA would
pass over in silence, such as a device that does not exist, is an error here.

A lease lasts until the job's process and its forks end: the kernel releases it, also after
`kill -9`. It holds across checkouts and studies of a user, and across containers that share /tmp,
but not between users. Under SLURM a job has the devices that the scheduler gives it; it leases some
of them only if they are more than it needs, as in an interactive allocation, or if the scheduler
names none.

A run's worker outlives the job, see `common/worker.py`.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import DEVICES_VARIABLE, RUN_VARIABLE, Waiting, lock, private_folder
from ecslm.common.worker import LEASE_VARIABLE, free_memory

log = logging.getLogger(__name__)

SCHEDULER_VARIABLE = "SLURM_JOB_ID"


@dataclass(frozen=True)
class Device:
    """A GPU."""

    uuid: str
    number: int
    """As `nvidia-smi` counts."""
    name: str


def list_devices() -> list[Device]:
    """The GPUs in the driver's order, of the bus; none if there is no driver.

    Raises:
        InputError: there is a driver, but it does not answer.
    """
    import pynvml as nvml

    try:
        nvml.nvmlInit()
        gpus = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
        found = [
            Device(nvml.nvmlDeviceGetUUID(gpu), number, nvml.nvmlDeviceGetName(gpu))
            for number, gpu in enumerate(gpus)
        ]
        # A fork of this process could not use it.
        nvml.nvmlShutdown()
        return found
    except (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded):
        return []
    except nvml.NVMLError as error:
        raise InputError(
            f"device: the NVIDIA driver does not answer ({error}): make `nvidia-smi` work, for "
            "example by a restart after an update of the driver"
        ) from None


def visible_devices(devices: Sequence[Device], variable: str | None) -> list[Device]:
    """The devices that the variable names, by number or UUID, in its order; all, if it is not set.

    Raises:
        InputError: an entry is not a device of this machine, or one that is named before.
    """
    if variable is None:
        return list(devices)
    named = {name: device for device in devices for name in (str(device.number), device.uuid)}
    entries = [] if variable in ("", "-1") else [entry.strip() for entry in variable.split(",")]
    found = [named[entry] for entry in entries if entry in named]
    if len(set(found)) < len(entries):
        listed = ", ".join(f"{device.number} ({device.uuid})" for device in devices)
        message = (
            f"{variable} names one twice, or something that is not a GPU of this machine; "
            f"it has {listed}: correct the variable, or unset it"
        )
        raise InputError(Problem(message, DEVICES_VARIABLE))
    return found


def lease_devices(device: str, count: int = 1, shared: bool = False) -> None:
    """Lease `count` GPUs for this process until it ends; CUDA shows it only these.

    Waits while too few are free. A process that already has a lease keeps it. Leases nothing on a
    CPU or without a driver: the code that loads torch then reports that there is no GPU. Must be
    called before torch is imported.

    Args:
        shared: whether jobs may go on that other processes run on these devices, or on the CPU,
            for jobs of this run; otherwise their memory is freed.

    Raises:
        InputError: there are fewer devices, or CUDA_VISIBLE_DEVICES leaves fewer; it names one that
            does not exist; or the driver does not answer.
    """
    if device == "cuda" and LEASE_VARIABLE not in os.environ:
        _lease(count)
    if not shared:
        free_memory()


def _lease(count: int) -> None:
    variable = os.environ.get(DEVICES_VARIABLE)
    # A cluster that does not count GPUs shows each job all of them.
    if SCHEDULER_VARIABLE in os.environ and variable and len(variable.split(",")) <= count:
        log.info("device: as SLURM gives it, %s=%s", DEVICES_VARIABLE, variable)
        return
    if not (present := list_devices()):
        return
    usable = usable_devices(present, variable, count)
    leased = take_devices(usable, count, private_folder())
    os.environ[DEVICES_VARIABLE] = ",".join(one.uuid for one in leased)
    os.environ[LEASE_VARIABLE] = os.environ[DEVICES_VARIABLE]
    for one in leased:
        log.info("device: GPU %d of %d, %s, %s", one.number, len(present), one.name, one.uuid)
    if RUN_VARIABLE not in os.environ:
        # A job of a run may use the worker on its device.
        free_memory()


def usable_devices(present: Sequence[Device], variable: str | None, count: int) -> list[Device]:
    """The devices that a job may lease.

    Args:
        variable: the value of CUDA_VISIBLE_DEVICES; None if it is not set.

    Raises:
        InputError: they are fewer than `count`, or the variable names one that does not exist.
    """
    usable = visible_devices(present, variable)
    if len(usable) < count:
        hidden = f", without those that {DEVICES_VARIABLE}={variable} hides" if variable else ""
        raise InputError(
            f"gpus: {count} are asked for, but this machine has {len(usable)}{hidden}: set as many "
            "in the study (--processes), or run on a machine with more"
        )
    return usable


def take_devices(devices: Sequence[Device], count: int, folder: Path) -> list[Device]:
    """Wait for `count` of the devices, and lock them until this process ends.

    All are taken at once, or none, so that no two jobs wait for each other.

    Args:
        folder: of the locks.
    """
    waiting = Waiting()
    while True:
        locked: dict[Device, int] = {}
        for one in devices:
            if len(locked) < count and (taken := lock(folder / f"{one.uuid}.lock")) is not None:
                locked[one] = taken
        if len(locked) == count:
            return list(locked)
        for taken in locked.values():
            os.close(taken)
        waiting.tell(f"device: waiting for {count} of {len(devices)} GPUs, which other jobs use")
