"""The commit of the project that a report is built in."""

import subprocess
from pathlib import Path

# The number alone, whatever names it has, and a mark where files of the project differ from it.
DESCRIBE = ("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+")


def project_commit(folder: Path) -> str | None:
    """The commit that is checked out, with `+` where files of the project differ from it; None
    outside of a git repository, or without git."""
    command = ["git", "-C", str(folder), *DESCRIBE]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
