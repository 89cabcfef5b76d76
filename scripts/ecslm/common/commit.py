"""The commit of the project that a report is built in."""

import subprocess
from pathlib import Path

LENGTH = 12


def project_commit(folder: Path) -> str | None:
    """The commit that is checked out, with `+` where files of the project differ from it; None
    outside of a git repository, or without git."""
    try:
        commit = _git(folder, "rev-parse", f"--short={LENGTH}", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
