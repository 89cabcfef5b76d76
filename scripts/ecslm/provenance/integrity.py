"""Checks that existing results match their manifests."""

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.manifests import Manifest
from ecslm.common.validation import read_model
from ecslm.plan.rules import Job

MOST_PROBLEMS = 10


def check_results(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Check existing results before anything uses them.

    A result is hashed only if it is newer than its manifest; jobs verify what they read anyway.

    Args:
        unfinished: manifests of results that are rebuilt in any case, so they may be incomplete.

    Raises:
        InputError: a result was modified after it was built, or its manifest is broken or missing.
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
        raise InputError(*shown, *([f"and {more} more results like these"] if more > 0 else []))


def _differences(job: Job) -> Iterator[str]:
    present = [path for path in map(Path, job.results) if path.exists()]
    manifest = Path(job.manifest)
    if not manifest.exists():
        if present:
            yield f"{present[0]}: has no manifest: {how_to_rebuild(job)}"
        return
    made = read_job_manifest(job)
    written = manifest.stat().st_mtime_ns
    newer = [path.name for path in present if path.stat().st_mtime_ns > written]
    yield from (f"{damage}: {how_to_rebuild(job)}" for damage in made.damage(manifest, newer))


def how_to_rebuild(*jobs: Job) -> str:
    """The command that has jobs' results rebuilt, for messages."""
    files = (path for job in jobs for path in (*job.results, job.manifest))
    existing = [path for path in files if Path(path).exists()]
    return f"`rm {' '.join(existing)}`, then run again to rebuild it"


def read_job_manifest(job: Job) -> Manifest:
    """The manifest of a job's results.

    Raises:
        InputError: the manifest is missing or broken.
    """
    try:
        return read_model(Path(job.manifest), job.manifest_form)
    except InputError as error:
        raise InputError(
            *(f"{problem}: {how_to_rebuild(job)}" for problem in error.problems)
        ) from None
