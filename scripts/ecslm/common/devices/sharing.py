"""Processes that compute on the devices of a job and may outlive it for a moment or longer.

They are the run's worker and what `accelerate launch` starts. They share a second lock of the
device; a job that leases the device waits until that is free.
"""

import os
import time
from pathlib import Path

from ecslm.common.devices.locks import SHARED, lock, locks_folder
from ecslm.common.worker.place import DEVICES_VARIABLE, is_running

# Names the job that has leased the visible devices, for the processes that it starts, as
# `RUN_VARIABLE` names a run.
LEASE_VARIABLE = "ECSLM_LEASE"
SECONDS_BETWEEN = 0.05


def lock_of(folder: Path, uuid: str) -> Path:
    """The lock of the job that has leased a device."""
    return folder / f"{uuid.replace('/', '_')}.lock"


def users_of(folder: Path, uuid: str) -> Path:
    """The lock of all other processes that use it."""
    return folder / f"{uuid.replace('/', '_')}.users"


def stay_on_devices() -> bool:
    """Mark the devices of the job that started this process as in use until this process ends.

    Returns:
        False if that job has ended, so that another one may have the devices already.
    """
    job = os.environ.get(LEASE_VARIABLE)
    if job is None:
        return True
    folder = locks_folder()
    for uuid in os.environ[DEVICES_VARIABLE].split(","):
        # A process that checks whether the lock is free holds it only for a moment.
        while lock(users_of(folder, uuid), SHARED) is None:
            time.sleep(SECONDS_BETWEEN)
    return is_running(job)
