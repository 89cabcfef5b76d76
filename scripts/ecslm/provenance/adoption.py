"""Taking over results that were made elsewhere: verified against their manifests and the plan."""

import os
from collections.abc import Container, Iterable
from pathlib import Path

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.plan.rules import Job
from ecslm.provenance.history import History
from ecslm.provenance.integrity import rebuild


def verified(history: History) -> list[Job]:
    """The jobs whose results are here and are what the plan would make now.

    Each file is compared with its manifest, and each manifest with the configuration, the code, the
    lock file and the inputs. Results that do not match are deleted where they are rebuilt in
    seconds, as scores, comparisons, tables and reports are.

    Raises:
        InputError: other results do not match, or what they were made from is not here; then
            nothing has been deleted.
    """
    good: dict[Job, None] = {}
    outdated: list[Job] = []
    problems: list[str] = []
    orphans: dict[Job, list[Job]] = {}
    for job in tqdm(history.jobs, unit="job", desc="verifying", delay=1):
        if not any(Path(path).exists() for path in (*job.results, job.manifest)):
            continue
        reasons = _mismatches(history, job)
        if reasons and not job.costly:
            outdated.append(job)
        elif reasons:
            problems += [
                f"{job.manifest}: {reason}: copy it again, or {rebuild(job)}" for reason in reasons
            ]
        elif not (lacking := _lacking(history, job, good)):
            good[job] = None
        elif not job.costly:
            outdated.append(job)
        else:
            orphans.setdefault(lacking, []).append(job)
    # Else what is lacking may be here, as one of the problems.
    problems = problems or [
        f"{lacking.manifest}: is not here, though results that were made from it are: copy it too, "
        f"or {rebuild(*jobs)}"
        for lacking, jobs in orphans.items()
    ]
    if problems:
        raise InputError(*problems)
    for job in outdated:
        for path in (*job.results, job.manifest):
            Path(path).unlink(missing_ok=True)
    return list(good)


def settle_times(jobs: Iterable[Job]) -> None:
    """Give results the time of their manifest: none then counts as newer, which would be hashed."""
    for job in jobs:
        time = Path(job.manifest).stat().st_mtime_ns
        for path in job.results:
            os.utime(path, ns=(time, time))


def _lacking(history: History, job: Job, good: Container[Job]) -> Job | None:
    """The first of the jobs before this one whose results are not here; None if all are."""
    for source in history.sources(job):
        if source not in good:
            return _lacking(history, source, good) or source
    return None


def _mismatches(history: History, job: Job) -> list[str]:
    if not Path(job.manifest).exists():
        return ["is missing: it must come with the results that it describes"]
    try:
        reasons = history.reasons(job)
    except InputError:
        return ["is broken"]
    return [*reasons, *history.damage(job)]
