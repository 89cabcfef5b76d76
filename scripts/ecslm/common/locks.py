"""A lock file that names its holder, and that is released however the process ends.

On a file system that several machines share, it keeps processes of all of them apart only if the
file system passes locks on: NFS does unless it is mounted with `nolock` or `local_lock`, Lustre if
it is mounted with `flock`.
"""

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ecslm.common.errors import InputError

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
# Errors of file systems without locks.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def held(
    path: Path, what: str, wait: bool, since: float | None = None, stays: bool = True
) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Args:
        what: what the lock protects, for messages.
        wait: whether to wait while another process holds it, logging this from time to time.
        since: a time in seconds since the epoch; nobody else may have held the lock since then.
        stays: whether the lock file is kept, as `since` needs. If not, a file that was not there
            before is removed, with its directory if that is empty; a waiting process makes it
            again.

    Raises:
        InputError: another process holds the lock and `wait` is false, or one has held it after
            `since`, or the file system has no locks.
    """
    stays = stays or path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Files that only stand for locks would outlive a killed process.
    lock, timeout = FileLock(path, fallback_to_soft=False), 0.0
    while True:
        try:
            lock.acquire(timeout=timeout)
            break
        except Timeout:
            who = _holder(path)
            if not wait:
                raise InputError(
                    f"{what}: in use by {who}: wait for it or stop it, then run again"
                ) from None
            log.warning("%s: waiting for %s, which is using it", what, who)
            timeout = SECONDS_BETWEEN_LINES
        except FileNotFoundError:
            # Its last holder has removed the directory.
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            raise InputError(
                f"{path}: this file system has no locks, which keep two jobs from the same work: "
                "mount it with them (NFS without `nolock`, Lustre with `flock`), or use another"
            ) from None
    used = False
    try:
        state = path.stat()
        # Each holder writes its name into the file and touches it when done.
        if since is not None and state.st_size and state.st_mtime > since:
            raise InputError(f"{what}: another process has just used it: run again")
        used = True
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        # A run that is refused leaves no trace, which would refuse others.
        if used and stays:
            path.touch()
        elif used:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except FileNotFoundError:
        # The holder has just ended.
        return "another process"
