"""Broken inputs, and what whoever has one must see: the shared part of the error catalogue."""

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support.scratch import PARTS

Run = subprocess.CompletedProcess[str]
Contents = dict[Path, tuple[object, ...]]

# Snakemake's own records, and compiled code.
IGNORED = {".snakemake", "__pycache__"}
RESULTS = "results"
# Digests of files, which a run keeps if these are older than two seconds: that depends on how fast
# the machine is.
DIGESTS = "results/cache/digests.json"
BEGIN = "error: "


@dataclass(frozen=True)
class Case:
    """A broken input of a list in YAML: files, and words of the lines that refuse them."""

    of: str
    says: Sequence[str]
    files: Mapping[str, str]
    command: str = ""
    change: Sequence[str] = ()
    rows: Sequence[dict[str, Any]] = ()
    task: str = "PM"
    data: Mapping[str, Any] = field(default_factory=dict)
    encoding: str = "utf-8"
    problems: int = 1

    def content_of(self, file: str) -> bytes:
        """The bytes of a file."""
        return self.files[file].encode(self.encoding)


def read_cases(path: Path) -> list[Case]:
    """The cases of a list."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Case(**{"files": {}, **entry}) for entry in entries]


def linked_project(folder: Path, project: Path) -> Path:
    """A folder in which commands run as in `project`, of which nothing is copied: it has links.

    A case may write files of its own there, and replace links by files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        (folder / part).symlink_to(project / part)
    return folder


def assert_refused(run: Run, words: Iterable[str], problems: int = 1) -> Sequence[str]:
    """A run ended as one with broken input must: with exit status 1, and a line a problem.

    The lines are the last of stderr. With one problem each of the words is in its line, else in one
    of the lines.

    Args:
        words: of the thing that is wrong, where it stands, and how to fix it.

    Returns:
        The lines, without their beginning.
    """
    said = f"--- stdout\n{run.stdout}\n--- stderr\n{run.stderr}"
    assert run.returncode == 1, f"exit status {run.returncode}\n{said}"
    assert "Traceback" not in run.stdout + run.stderr, said
    printed = run.stderr.splitlines()
    lines = [line.removeprefix(BEGIN) for line in printed if line.startswith(BEGIN)]
    assert len(lines) == problems, f"{len(lines)} problems, not {problems}\n{said}"
    last = [line.startswith(BEGIN) for line in printed[-problems:]]
    assert all(last), f"something follows the problems\n{said}"
    for word in words:
        assert any(word in line for line in lines), f"{word!r} is not said\n{said}"
    return lines


@contextmanager
def nothing_lost(folder: Path, but: Sequence[str] = ()) -> Iterator[None]:
    """In this block no file outside of `results` is made, changed or removed, and of those in
    `results` none is changed or removed.

    Args:
        folder: a project, in which links are followed.
        but: paths in it that may change, such as a cache that throws garbage away.
    """
    before = _contents(folder)
    yield
    after = _contents(folder)
    for path in sorted(before.keys() | after.keys()):
        new = path not in before
        if (new and path.parts[0] == RESULTS) or str(path).startswith((DIGESTS, *but)):
            continue
        assert not new, f"{path} was made"
        assert path in after, f"{path} was removed"
        assert before[path] == after[path], f"{path} was changed"


def refused(
    folder: Path,
    command: Callable[[], Run],
    words: Iterable[str],
    problems: int = 1,
    but: Sequence[str] = (),
) -> Sequence[str]:
    """Run a command that must be refused and lose nothing; see the two functions above."""
    with nothing_lost(folder, but):
        run = command()
    return assert_refused(run, words, problems)


def _contents(folder: Path) -> Contents:
    """Permissions, size and time of each file, and permissions of each folder."""
    found: Contents = {}
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in (*folders, *files):
            path = Path(place, name)
            found[path.relative_to(folder)] = _content(path)
    return found


def _content(path: Path) -> tuple[object, ...]:
    if not path.exists():
        # A link that leads nowhere.
        return (path.readlink(),)
    status = path.stat()
    # What is in a folder tells whether it has changed.
    return (status.st_mode, *(() if path.is_dir() else (status.st_size, status.st_mtime_ns)))
