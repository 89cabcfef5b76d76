"""A lock that goes with its process, however that ends, and knows who holds it."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ecslm.common.errors import InputError

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def held(path: Path, what: str, wait: bool, since: float | None = None) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Args:
        what: what the holder works on, for messages.
        wait: wait while another process holds it, with a line from time to time.
        since: a time, in seconds since the epoch, since when nobody else may have held it.

    Raises:
        InputError: another process holds it, and this one does not wait; or one has held it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, timeout = FileLock(path), 0.0
    while True:
        try:
            lock.acquire(timeout=timeout)
            break
        except Timeout:
            who = path.read_text(encoding="utf-8") or "another process"
            if not wait:
                raise InputError(
                    f"{what}: {who} is at work on it: wait for it or stop it, then run again"
                ) from None
            log.warning("%s: waiting for %s, which is at work on it", what, who)
            timeout = SECONDS_BETWEEN_LINES
    try:
        state = path.stat()
        # Each holder has written into the file, and touched it at the end.
        if since is not None and state.st_size and state.st_mtime > since:
            raise InputError(f"{what}: another process has just been at work on it: run again")
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        path.touch()
        lock.release()
