"""The run that a job belongs to, where the run's worker listens, and how they talk.

A run is identified by its main process: an environment variable passes that process's number and
start time to the jobs. On other systems than Linux, and where the main process cannot be seen, runs
have no worker.
"""

import json
import os
import select
import socket
import struct
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

RUN_VARIABLE = "ECSLM_RUN"
# Jobs that see other devices have another worker.
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
# The number of a process's start time in its file below /proc, after the program's name.
START_TICKS = 19


def this_run() -> str:
    """The value of `RUN_VARIABLE` for the jobs of a run whose main process this is."""
    return _name(os.getpid())


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
    if _name(process) != run:
        os.close(descriptor)
        raise ProcessLookupError("another process has its number")
    return descriptor


def wait_for_end(process: int) -> None:
    """Wait until a process has ended and its memory is free."""
    # It may have ended already.
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process)
        select.select([descriptor], [], [])
        os.close(descriptor)


def address(run: str, devices: str | None) -> bytes:
    """The address of the worker of a run's jobs that see some devices.

    It is an abstract socket, so a kill leaves no file behind. Instead of a directory's permissions,
    the listening process is checked: see `is_own`.
    """
    return b"\0ecslm-" + sha256(f"{run} {devices}".encode()).hexdigest()[:32].encode()


def is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end is one of the same user."""
    form = struct.Struct("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size)
    _, user, _ = form.unpack(credentials)
    return bool(user == os.geteuid())


class Channel:
    """Sends and receives JSON values, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.user: socket.socket | None = None
        """Held by the only user of a worker."""
        self._lines = connection.makefile("rb")

    def send(self, value: Any) -> None:
        """Send a value.

        Raises:
            OSError: the other process has gone.
        """
        self.connection.sendall(json.dumps(value).encode() + b"\n")

    def receive(self) -> Any:
        """Wait for a value.

        Raises:
            EOFError: the other process has gone.
            OSError: likewise.
        """
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return json.loads(line)

    def close(self) -> None:
        """End the conversation."""
        self._lines.close()
        self.connection.close()
        if self.user is not None:
            self.user.close()


def _name(process: int) -> str:
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        started = status.rpartition(")")[2].split()[START_TICKS]
    except (OSError, IndexError):
        started = ""
    return f"{process}-{started}"
