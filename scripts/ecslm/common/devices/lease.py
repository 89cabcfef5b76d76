"""The lease: each GPU job of this machine and user gets devices that no other such job has.

A lease lasts until the job's process ends: the kernel releases it, also after `kill -9`. It holds
across checkouts and studies of a user, and across containers that share /tmp, but not between
users. Under SLURM a job has the devices that the scheduler gives it; it leases some of them only if
they are more than it needs, as in an interactive allocation, or if the scheduler names none.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ecslm.common.devices.listing import Device, list_devices, visible_devices
from ecslm.common.devices.sharing import LEASE_VARIABLE, lock_of, locks_folder, users_of
from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import SHARED, Waiting, lock, note, noted
from ecslm.common.worker.client import end_worker
from ecslm.common.worker.place import DEVICES_VARIABLE, RUN_VARIABLE, this_run

log = logging.getLogger(__name__)

SCHEDULER_VARIABLE, ORDER_VARIABLE = "SLURM_JOB_ID", "CUDA_DEVICE_ORDER"


def lease_devices(device: str, count: int = 1) -> None:
    """Lease `count` GPUs for this process until it ends; CUDA shows it only these.

    Waits while too few are free. A process that already has a lease keeps it. Does nothing on a CPU
    or without a driver: the code that loads torch then reports that there is no GPU. Must be called
    before torch is imported.

    Raises:
        InputError: there are fewer devices, or CUDA_VISIBLE_DEVICES leaves fewer; it names one that
            does not exist; or the driver does not answer.
    """
    if device != "cuda" or os.environ.get(LEASE_VARIABLE) == this_run():
        return
    if _given_by_scheduler(count):
        return
    present = list_devices()
    if not present:
        return
    variable = os.environ.get(DEVICES_VARIABLE)
    usable = usable_devices(present, variable, count)
    leased = take_devices(usable, count, locks_folder(), os.environ.get(RUN_VARIABLE, ""))
    os.environ[DEVICES_VARIABLE] = ",".join(one.uuid for one in leased)
    os.environ[ORDER_VARIABLE] = "PCI_BUS_ID"
    os.environ[LEASE_VARIABLE] = this_run()
    for one in leased:
        log.info("device: %s of %d, %s, %s", one, len(present), one.name, one.uuid)


def usable_devices(present: Sequence[Device], variable: str | None, count: int) -> list[Device]:
    """The devices that a job may lease.

    Args:
        variable: the value of CUDA_VISIBLE_DEVICES; None if it is not set.

    Raises:
        InputError: they are fewer than `count`, or the variable names one that does not exist.
    """
    usable = visible_devices(present, variable)
    if count > 1:
        # Instances cannot compute together.
        usable = [one for one in usable if one.number >= 0]
    if len(usable) >= count:
        return usable
    if count == 1:
        message = f"{variable!r} hides all GPUs of this machine: unset it, or name some"
        raise InputError(Problem(message, DEVICES_VARIABLE))
    hidden = "" if variable is None else f" of those that {DEVICES_VARIABLE}={variable} leaves"
    raise InputError(
        f"gpus: {count} are asked for, but this machine has {len(usable)}{hidden}: set as many in "
        "the study (--processes), or run on a machine with more"
    )


def _given_by_scheduler(count: int) -> bool:
    given = os.environ.get(DEVICES_VARIABLE)
    if SCHEDULER_VARIABLE not in os.environ or given is None:
        # A cluster that does not count GPUs shows each job all of them.
        return False
    if len(given.split(",")) > count:
        return False
    log.info("device: as SLURM gives it, %s=%s", DEVICES_VARIABLE, given)
    return True


def take_devices(devices: Sequence[Device], count: int, folder: Path, run: str) -> list[Device]:
    """Wait for `count` of the devices, and lock them until this process ends.

    All are taken at once, or none, so that no two jobs wait for each other. Devices on which the
    run's worker may hold a model come first, those of other runs' workers last.

    Args:
        folder: of the locks.
        run: the run that the job belongs to; empty if none.
    """
    # Programs that clean up /tmp leave locked folders alone.
    lock(folder, SHARED)
    # Jobs with several devices have no worker.
    own = run if count == 1 else ""
    taken = _lock_all(devices, count, folder, own)
    for one, descriptor in taken.items():
        _empty(one, folder, own)
        note(descriptor, own)
    return [one for one in devices if one in taken]


def _lock_all(devices: Sequence[Device], count: int, folder: Path, own: str) -> dict[Device, int]:
    """Lock devices as soon as enough are free; returns them with their descriptors."""

    def others(one: Device) -> tuple[bool, bool]:
        run = _run_of(one, folder)
        return run != own, run != ""

    waiting = Waiting()
    while True:
        locked: dict[Device, int] = {}
        for one in sorted(devices, key=others):
            descriptor = lock(lock_of(folder, one.uuid)) if len(locked) < count else None
            if descriptor is not None:
                locked[one] = descriptor
        if len(locked) == count:
            for one, descriptor in locked.items():
                # Its worker, if any, is still there.
                note(descriptor, _run_of(one, folder))
            return locked
        for descriptor in locked.values():
            os.close(descriptor)
        users = "; ".join(
            f"{one} is used by {noted(lock_of(folder, one.uuid))[0]}"
            for one in devices
            if one not in locked
        )
        waiting.tell(f"device: waiting for {count} of {len(devices)} GPUs: {users}")


def _empty(device: Device, folder: Path, own: str) -> None:
    """Wait until no process uses a device, except the worker of the run `own`."""
    run, waiting = _run_of(device, folder), Waiting()
    if run and run == own:
        return
    if run:
        end_worker(run, device.uuid)
    # Only the job that has locked the device may look.
    while (descriptor := lock(users_of(folder, device.uuid))) is None:
        waiting.tell(f"device: waiting for processes of an earlier job, which still use {device}")
    os.close(descriptor)


def _run_of(device: Device, folder: Path) -> str:
    """The run whose worker may be on the device; empty if none."""
    return noted(lock_of(folder, device.uuid))[1]
