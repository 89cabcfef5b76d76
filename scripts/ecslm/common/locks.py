"""Locks that the kernel releases when the last process that holds them has ended, however it did.

On a file system that several machines share, they keep processes of all of them apart only if the
file system passes locks on: NFS does unless it is mounted with `nolock` or `local_lock`, Lustre if
it is mounted with `flock`.
"""

import fcntl
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ecslm.common.errors import InputError

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_LOOKS = 0.05
RUN_VARIABLE = "ECSLM_RUN"
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
# The same for every process of a user, unlike what $TMPDIR and $XDG_RUNTIME_DIR say.
TEMPORARY = Path("/tmp")


def lock(path: Path) -> int | None:
    """Lock a file, without waiting, until the descriptor that this returns is closed.

    Returns:
        None if others hold it.

    Raises:
        InputError: the file system has no locks.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise InputError(f"{path}: no locks in this file system ({error.strerror})") from None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        # It was removed meanwhile: the next one to come would lock another file.
        os.close(descriptor)


class Waiting:
    """Sleeps between looks, and logs from time to time what is waited for."""

    def __init__(self) -> None:
        self._next_line = 0.0

    def tell(self, what: str) -> None:
        """Log what is waited for if it is time to, and sleep."""
        if time.monotonic() >= self._next_line:
            log.warning("%s", what)
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        time.sleep(SECONDS_BETWEEN_LOOKS)


@contextmanager
def held(path: Path, what: str, wait: bool, since: float | None = None) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Args:
        what: what the lock protects, for messages.
        wait: whether to wait while another process holds it, logging this from time to time.
        since: a time in seconds since the epoch; nobody else may have held the lock since then.

    Raises:
        InputError: another process holds the lock and `wait` is false, or one has held it after
            `since`, or the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = Waiting()
    while (descriptor := lock(path)) is None:
        holder = path.read_text(encoding="utf-8").strip() or "another process"
        if not wait:
            raise InputError(f"{what}: in use by {holder}: wait for it or stop it, then run again")
        waiting.tell(f"{what}: waiting for {holder}, which is using it")
    try:
        state = os.fstat(descriptor)
        # Each holder writes its name into the file and touches it when done. A run that is refused
        # leaves no trace, which would refuse others.
        if since is not None and state.st_size and state.st_mtime > since:
            raise InputError(f"{what}: another process has just used it: run again")
        # At no moment is the file empty.
        name = f"process {os.getpid()} on {socket.gethostname()}\n".encode()
        os.truncate(descriptor, os.pwrite(descriptor, name, 0))
        try:
            yield
        finally:
            os.utime(descriptor)
    finally:
        os.close(descriptor)


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
        raise InputError(f"{folder}: not a private directory of yours: have its owner remove it")
    return folder
