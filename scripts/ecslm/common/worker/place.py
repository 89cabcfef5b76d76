"""The run that a job belongs to, and this user's folder of locks and sockets on this machine.

A run is identified by its main process: an environment variable passes that process's number and
start time to the jobs. On other systems than Linux, and where the main process cannot be seen, runs
have no worker.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError

RUN_VARIABLE = "ECSLM_RUN"
# Jobs that see other devices have another worker.
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
# The same for every process of a user, unlike what $TMPDIR and $XDG_RUNTIME_DIR say.
TEMPORARY = Path("/tmp")
# The number of a process's start time in its file below /proc, after the program's name.
START_TICKS = 19


def this_run() -> str:
    """The value of `RUN_VARIABLE` for the jobs of a run whose main process this is."""
    return run_of(os.getpid())


def run_of(process: int) -> str:
    """The run whose main process has a number; without a start time, if nothing tells it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        started = status.rpartition(")")[2].split()[START_TICKS]
    except (OSError, IndexError):
        started = ""
    return f"{process}-{started}"


def is_running(run: str) -> bool:
    """Whether the main process of a run still runs; false if this process cannot see it."""
    try:
        os.close(run_descriptor(run))
    except (OSError, ValueError):
        return False
    return True


def run_descriptor(run: str) -> int:
    """A file descriptor of a run's main process, which becomes readable when the process ends.

    Raises:
        OSError: there is no such process, or it cannot be seen.
        ValueError: this is no run.
    """
    if sys.platform != "linux":
        raise OSError("no descriptors of processes")
    process = int(run.partition("-")[0])
    descriptor = os.pidfd_open(process)
    if run_of(process) != run:
        os.close(descriptor)
        raise ProcessLookupError("another process has its number")
    return descriptor


def private_folder() -> Path:
    """This user's folder on this machine, which nobody else can read or write.

    Raises:
        InputError: another user has put something in its place.
    """
    user = os.getuid()
    folder = TEMPORARY / f"ecslm-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != user or state.st_mode & 0o077:
        raise InputError(f"{folder}: not a private folder of yours: have it removed")
    return folder
