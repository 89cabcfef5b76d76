"""The project's own files, as the commit has them that is checked out."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError

# Directories of the project that a run reads: new files there may have changed results.
CODE = ("Snakefile", "config.yaml", "rules/", "scripts/", "report/", "resources/prompts/")
MOST_NAMED = 5
# Suffixes of weights, whose licences may forbid to hand them on.
WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class ProjectFile:
    """A file of the commit."""

    name: str
    content: bytes
    executable: bool


def current_commit(folder: Path) -> str:
    """The commit that is checked out.

    Raises:
        InputError: this is no git repository, or files differ from the commit.
    """
    changed = [
        line[3:]
        for line in _git(folder, "status", "--porcelain", "--untracked-files=all").splitlines()
        if not line.startswith("??") or line[3:].strip('"').startswith(CODE)
    ]
    if changed:
        more = len(changed) - MOST_NAMED
        named = ", ".join(changed[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise InputError(
            f"{named}: not as in the commit, so an archive would have other code than made the "
            "results: commit or undo the changes"
        )
    return _git(folder, "rev-parse", "HEAD").strip()


def project_files(folder: Path, commit: str) -> Iterator[ProjectFile]:
    """The files of a commit.

    Raises:
        InputError: git fails, or a file is a link, or has weights.
    """
    content = _run(folder, "archive", "--format=tar", commit)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            if member.isdir():
                continue
            if member.name.endswith(WEIGHTS):
                raise InputError(
                    f"{member.name}: weights are in the commit, and an archive must have none: "
                    "remove them from the repository"
                )
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is None:
                raise InputError(f"{member.name}: is a link: an archive has files only")
            yield ProjectFile(member.name, stream.read(), executable=bool(member.mode & 0o100))


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, *arguments).decode()


def _run(folder: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], check=True, capture_output=True
        ).stdout
    except FileNotFoundError:
        raise InputError("git: not installed, but an archive has the code of a commit") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.decode(errors="replace").split())
        raise InputError(
            f"{folder}: no commit to take the code from ({reason}): an archive is made in a clone "
            "of the project"
        ) from None
