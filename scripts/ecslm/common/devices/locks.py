"""Locks that the kernel releases when the last process that holds them has ended, however it did.

`filelock` would release them while Python exits, before the device's memory is free.
"""

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError

# The same for every process of a user, unlike what $TMPDIR and $XDG_RUNTIME_DIR say.
TEMPORARY = Path("/tmp")
EXCLUSIVE, SHARED = fcntl.LOCK_EX, fcntl.LOCK_SH


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


def lock(path: Path, kind: int) -> int | None:
    """Lock a file or folder, without waiting, until the descriptor that this returns is closed.

    Returns:
        None if others hold it.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        # It was removed meanwhile: the next one to come would lock another file.
        os.close(descriptor)
