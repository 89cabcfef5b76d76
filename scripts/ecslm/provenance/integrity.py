"""Whether the results that are here are those that their manifests describe."""

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.manifests import Manifest, read_manifest
from ecslm.plan.rules import Job

MOST_PROBLEMS = 10


def check_results(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Look at the results that are there before anything uses them.

    A result is hashed only when it is newer than its manifest; jobs verify what they read anyway.

    Args:
        unfinished: manifests of results that are rebuilt in any case, so that half may be there.

    Raises:
        InputError: a result was altered after it was made, or its manifest is broken or missing.
    """
    problems: list[str] = []
    for job in jobs:
        if job.manifest in unfinished:
            continue
        try:
            problems += _differences(job)
        except InputError as error:
            problems += error.problems
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS]
        raise InputError(*shown, *([f"and {more} results more like these"] if more > 0 else []))


def _differences(job: Job) -> Iterator[str]:
    present = [path for path in map(Path, job.results) if path.exists()]
    manifest = Path(job.manifest)
    if not manifest.exists():
        if present:
            yield f"{present[0]}: has no manifest: {rebuild(job)}"
        return
    made = read_made(job)
    written = manifest.stat().st_mtime_ns
    newer = [path.name for path in present if path.stat().st_mtime_ns > written]
    yield from (f"{damage}: {rebuild(job)}" for damage in made.damage(manifest, newer))


def rebuild(*jobs: Job) -> str:
    """The words that tell how to have jobs' results rebuilt."""
    files = (path for job in jobs for path in (*job.results, job.manifest))
    there = [path for path in files if Path(path).exists()]
    return f"`rm {' '.join(there)}`, then run again to rebuild it"


def read_made(job: Job) -> Manifest:
    """The manifest of a job's results.

    Raises:
        InputError: it is missing or broken.
    """
    try:
        return read_manifest(Path(job.manifest))
    except InputError as error:
        raise InputError(*(f"{problem}: {rebuild(job)}" for problem in error.problems)) from None
