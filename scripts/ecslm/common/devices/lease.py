"""The lease: each GPU job of this machine and user gets devices that no other such job has.

A lease lasts until the job's process ends: the kernel releases it, also after `kill -9`. It holds
across checkouts and studies of a user, and across containers that share /tmp, but not between
users. Under SLURM a job has the devices that the scheduler gives it; it leases some of them only if
they are more than it needs, as in an interactive allocation, or if the scheduler names none.
"""

import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ecslm.common.devices.listing import Device, list_devices
from ecslm.common.devices.locks import EXCLUSIVE, SHARED, lock, locks_folder
from ecslm.common.devices.sharing import LEASE_VARIABLE, SECONDS_BETWEEN, lock_of, users_of
from ecslm.common.devices.visible import visible_devices
from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import SECONDS_BETWEEN_LINES
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
    gpus = len({one.gpu_uuid for one in present})
    for one in leased:
        log.info("device: GPU %d of %d, %s, %s", one.number, gpus, one.name, one.uuid)


def usable_devices(present: Sequence[Device], variable: str | None, count: int) -> list[Device]:
    """The devices that a job may lease.

    Args:
        variable: the value of CUDA_VISIBLE_DEVICES; None if it is not set.

    Raises:
        InputError: they are fewer than `count`, or the variable names one that does not exist.
    """
    visible = visible_devices(present, variable)
    usable = visible if count == 1 else [one for one in visible if one.whole]
    if len(usable) >= count:
        return usable
    if count == 1:
        message = f"{variable!r} hides all GPUs of this machine: unset it, or name some"
        raise InputError(Problem(message, DEVICES_VARIABLE))
    hidden = "" if variable is None else f" of those that {DEVICES_VARIABLE}={variable} leaves"
    partitioned = "" if len(visible) == len(usable) else ", which instances of one are not"
    raise InputError(
        f"gpus: {count} are asked for, but this machine has {len(usable)}{hidden}{partitioned}: "
        "set as many in the study (--processes), or run on a machine with more"
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
    run's worker may hold a model come first, then free ones in order, and last those that processes
    of other jobs still use.

    Args:
        folder: of the locks.
        run: the run that the job belongs to; empty if none.
    """
    # Programs that clean up /tmp leave locked folders alone.
    lock(folder, SHARED)
    # Jobs with several devices have no worker.
    own = run if count == 1 else ""
    held = _lock_all(devices, count, folder, own)
    taken = [one for one in devices if one in held]
    for one in taken:
        _empty(one, folder, keep=own)
        _write(held[one], own)
    return taken


def _lock_all(devices: Sequence[Device], count: int, folder: Path, run: str) -> dict[Device, int]:
    """Lock the best devices as soon as enough are free; returns them with their descriptors."""
    waiting = _Waiting()
    while True:
        locked: dict[Device, int] = {}
        best: list[Device] = []
        for one in sorted(devices, key=lambda one: not _has_run(one, folder, run)):
            if len(best) == count:
                break
            if (descriptor := lock(lock_of(folder, one.uuid), EXCLUSIVE)) is not None:
                locked[one] = descriptor
                if _has_run(one, folder, run) or _is_empty(one, folder):
                    best.append(one)
        if len(locked) >= count:
            kept = sorted(locked, key=lambda one: one not in best)[:count]
            for one in kept:
                # Its worker, if any, is still there.
                _write(locked[one], _run_of(one, folder))
        else:
            kept = []
        for one in locked.keys() - set(kept):
            os.close(locked[one])
        if kept:
            return {one: locked[one] for one in kept}
        users = "; ".join(
            f"{one} is used by {_holder(lock_of(folder, one.uuid))}"
            for one in devices
            if one not in locked
        )
        waiting.tell(f"waiting for {count} of {len(devices)} GPUs: {users}")


def _empty(device: Device, folder: Path, keep: str) -> None:
    """Wait until no process uses a device, except the worker of the run `keep`."""
    if _has_run(device, folder, keep):
        return
    if run := _run_of(device, folder):
        end_worker(run, device.uuid)
    waiting = _Waiting()
    while not _is_empty(device, folder):
        waiting.tell(f"waiting for processes of an earlier job, which still use {device}")


def _is_empty(device: Device, folder: Path) -> bool:
    """Whether no process uses a device. Only the job that has locked it may look."""
    descriptor = lock(users_of(folder, device.uuid), EXCLUSIVE)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


class _Waiting:
    """Sleeps between looks, and logs from time to time what is waited for."""

    def __init__(self) -> None:
        self._next_line = 0.0

    def tell(self, what: str) -> None:
        """Log what is waited for if it is time to, and sleep."""
        if time.monotonic() >= self._next_line:
            log.warning("device: %s", what)
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        time.sleep(SECONDS_BETWEEN)


# In the file of a lock: who holds it, and the run whose worker may be on the device.


def _write(descriptor: int, run: str) -> None:
    text = f"process {os.getpid()} on {socket.gethostname()}\n{run}\n".encode()
    # At no moment is the file empty.
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read(path: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _holder(path: Path) -> str:
    return next(iter(_read(path)), "another process")


def _run_of(device: Device, folder: Path) -> str:
    lines = _read(lock_of(folder, device.uuid))
    return lines[1] if len(lines) > 1 else ""


def _has_run(device: Device, folder: Path, run: str) -> bool:
    """Whether it is this run whose worker may be on the device."""
    return run != "" and _run_of(device, folder) == run
