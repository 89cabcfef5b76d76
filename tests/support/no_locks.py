"""A file system that has no locks."""

import errno
import os
from typing import NoReturn


def no_locks(*_: object) -> NoReturn:
    """What `flock` does there."""
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
