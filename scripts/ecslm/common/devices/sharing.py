"""The locks of this machine's devices: of the job that has leased one, and of its processes.

The run's worker outlives the job. It has a second lock of the device; a job that leases the device
waits until that is free. Forks of a job have the lock of the job itself.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.locks import SECONDS_BETWEEN_LOOKS, SHARED, lock
from ecslm.common.worker.place import DEVICES_VARIABLE, is_running

# The same for every process of a user, unlike what $TMPDIR and $XDG_RUNTIME_DIR say.
TEMPORARY = Path("/tmp")
# Names the job that has leased the visible devices, for the processes that it starts, as
# `RUN_VARIABLE` names a run.
LEASE_VARIABLE = "ECSLM_LEASE"


def locks_folder() -> Path:
    """This user's folder of locks on this machine.

    Raises:
        InputError: another user has put something in its place.
    """
    user = os.getuid()
    folder = TEMPORARY / f"ecslm-devices-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != user:
        raise InputError(f"{folder}: not a folder of yours: have it removed")
    return folder


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
        # A process that looks whether the lock is free holds it only for a moment.
        while lock(users_of(folder, uuid), SHARED) is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    return is_running(job)
