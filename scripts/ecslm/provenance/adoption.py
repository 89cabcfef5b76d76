"""Adoption of results that were built elsewhere: verified against manifests and the plan."""

import os
from collections.abc import Container, Iterable
from pathlib import Path

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.plan.rules import Job
from ecslm.provenance.history import History
from ecslm.provenance.integrity import how_to_rebuild


def verified(history: History) -> list[Job]:
    """The jobs whose results exist and are what the plan would build now.

    Each file is compared with its manifest, and each manifest with the configuration, the code, the
    lock file and the inputs. Results that do not match are deleted where they are rebuilt in
    seconds, as scores, comparisons, tables and reports are.

    Raises:
        InputError: other results do not match, or results that they were built from are missing;
            then nothing has been deleted.
    """
    good: dict[Job, None] = {}
    outdated: list[Job] = []
    problems: list[str] = []
    orphans: dict[Job, list[Job]] = {}
    for job in tqdm(history.jobs, unit="job", desc="verifying", delay=1):
        if not any(Path(path).exists() for path in (*job.results, job.manifest)):
            continue
        reasons = _mismatches(history, job)
        if reasons and job.cheap:
            outdated.append(job)
        elif reasons:
            problems += [
                f"{job.manifest}: {reason}: copy it again, or {how_to_rebuild(job)}"
                for reason in reasons
            ]
        elif not (missing := _missing_source(history, job, good)):
            good[job] = None
        elif job.cheap:
            outdated.append(job)
        else:
            orphans.setdefault(missing, []).append(job)
    # Otherwise what is missing may exist, as one of the problems.
    problems = problems or [
        f"{missing.manifest}: missing, but results that were built from it exist: copy it too, "
        f"or {how_to_rebuild(*jobs)}"
        for missing, jobs in orphans.items()
    ]
    if problems:
        raise InputError(*problems)
    for job in outdated:
        for path in (*job.results, job.manifest):
            Path(path).unlink(missing_ok=True)
    return list(good)


def align_times(jobs: Iterable[Job]) -> None:
    """Set the times of results to that of their manifest: newer results would be hashed."""
    for job in jobs:
        time = Path(job.manifest).stat().st_mtime_ns
        for path in job.results:
            os.utime(path, ns=(time, time))


def _missing_source(history: History, job: Job, good: Container[Job]) -> Job | None:
    """The first job upstream whose results are missing; None if none is."""
    for source in history.sources(job):
        if source not in good:
            return _missing_source(history, source, good) or source
    return None


def _mismatches(history: History, job: Job) -> list[str]:
    if not Path(job.manifest).exists():
        return ["missing: it belongs to the results that it describes"]
    try:
        reasons = history.reasons(job)
    except InputError:
        return ["broken"]
    return [*reasons, *history.damage(job)]
