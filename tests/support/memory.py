"""Where tests keep their files: in memory, if the system has room for them there.

Tests copy projects of a thousand files, and what they run waits for the disk after each write.
"""

import os
import shutil
from pathlib import Path

# Linux has it; a container may have it without room, or without the right to run programs in it.
MEMORY = Path("/dev/shm")
BYTES_NEEDED = 4 * 10**9
# The folder of pytest's temporary folders.
VARIABLE = "PYTEST_DEBUG_TEMPROOT"


def use_memory() -> None:
    """Let pytest make its temporary folders in memory, unless the user has chosen a place."""
    if (
        MEMORY.is_dir()
        and os.access(MEMORY, os.W_OK)
        and shutil.disk_usage(MEMORY).free > BYTES_NEEDED
        and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault(VARIABLE, str(MEMORY))
