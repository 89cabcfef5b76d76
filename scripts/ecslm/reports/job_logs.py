"""Reads the logs of jobs: how they end and, in a scheduler's logs, why a job failed."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

LAST_LINES = 10
# Bytes at the end of a log that are read.
END_OF_LOG = 4000
# A scheduler's job says little of its own, and Snakemake, which runs in it, much.
END_OF_SCHEDULER_LOG = 100_000
REASON = re.compile(
    r"^(error: .*"
    # SLURM 24.11 names the node: `slurmstepd-node`.
    r"|slurmstepd(-\S+)?: error: .*"
    r"|.*\b(No such file or directory|not found|Permission denied|Killed|out of memory)\b.*)$",
    re.IGNORECASE,
)

# Fixes for messages of SLURM's executor about a job.
FIXES = {
    "sbatch failed": "`make check PROFILE=slurm` says what the cluster offers and the jobs ask for",
    "'TIMEOUT'": "it ran out of time: set its rule's `runtime` in the profile, and run again: it "
    "continues from its last checkpoint",
    "'OUT_OF_MEMORY'": "it ran out of memory: set its rule's `mem_mb` in the profile",
}


def ends(logs: Sequence[Path], since: float) -> Iterator[str]:
    """The paths of a job's logs that were written since its start, and their last lines."""
    for path in logs:
        lines = last_lines(path, since)
        if lines:
            yield f"  {path} ends with"
            yield from (f"    {line}" for line in lines[-LAST_LINES:])
        else:
            yield f"  {path} is {'of an earlier run' if last_lines(path) else 'empty'}"


def reasons(logs: Sequence[Path]) -> Iterator[str]:
    """The paths of a scheduler's logs, with the lines that say why a job failed."""
    for path in logs:
        lines, told = last_lines(path, size=END_OF_SCHEDULER_LOG), told_reasons(path)
        yield f"  {path}{' says' if told else ' ends with' if lines else ' is empty'}"
        yield from (f"    {line}" for line in (told or lines)[-LAST_LINES:])


def told_reasons(path: Path) -> list[str]:
    """The lines in the log of a scheduler's job that say why it failed."""
    lines = last_lines(path, size=END_OF_SCHEDULER_LOG)
    return list(dict.fromkeys(line for line in lines if REASON.match(line)))


def failed_in(logs: Sequence[Path], of_job: Collection[Path]) -> bool:
    """Whether the logs of a scheduler's jobs say that the job with these logs failed."""
    lines = (line.strip() for path in logs for line in last_lines(path, size=END_OF_SCHEDULER_LOG))
    named = tuple(f"log: {path} " for path in of_job)
    return any(line.startswith(named) for line in lines)


def executor_says(message: str | None) -> Iterator[str]:
    """What an executor says of a job that failed, without the command that it ran, and what to do
    about it."""
    lines = (message or "").splitlines()
    yield from takewhile(lambda line: not line.startswith(" "), lines)
    yield from (fix for words, fix in FIXES.items() if lines and words in lines[0])


def written_since(path: Path, since: float) -> bool:
    """Whether there is a log that was written at a time or after it."""
    return path.is_file() and path.stat().st_mtime >= since


def last_lines(path: Path, since: float = 0.0, size: int = END_OF_LOG) -> list[str]:
    """The lines at the end of a log; none if it is missing or older than `since`.

    Args:
        size: bytes that are read.
    """
    if not path.is_file():
        return []
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_mtime < since:
                return []
            stream.seek(max(0, status.st_size - size))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # The first one may be cut.
    whole = lines[1:] if status.st_size > size else lines
    return [line.rstrip() for line in whole if line.strip()]
