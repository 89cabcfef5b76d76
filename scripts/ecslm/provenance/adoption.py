"""Adoption of results that were built elsewhere: verified against manifests and the plan."""

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.ledger import differs_from_record, is_recorded, record_made
from ecslm.plan.rules import Job
from ecslm.provenance.history import History
from ecslm.provenance.integrity import how_to_rebuild, read_job_manifest


def verified(history: History) -> list[Job]:
    """The jobs whose results exist and are what the plan would build now.

    Each file is compared with its manifest, and each manifest with its record in the ledger, the
    configuration, the code, the lock file and the inputs. Without a record, it is also compared
    with what was built from it. Results that do not match are deleted where they are rebuilt in
    seconds, as scores, comparisons, tables and reports are.

    Raises:
        InputError: other results do not match, or results that they were built from are missing;
            then nothing has been deleted.
    """
    good: dict[Job, None] = {}
    outdated: list[Job] = []
    problems: list[str] = []
    orphans: dict[Job, list[Job]] = {}
    consumers = _consumers(history)
    for job in tqdm(history.jobs, unit="job", desc="verifying", delay=1):
        if not any(Path(path).exists() for path in (*job.results, job.manifest)):
            continue
        reasons = _mismatches(history, job) or _contradictions(job, consumers)
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


def record_verified(jobs: Iterable[Job]) -> None:
    """Record verified manifests in the ledger."""
    for job in jobs:
        record_made(Path(job.manifest))


def align_times(jobs: Iterable[Job]) -> None:
    """Set the times of results to that of their manifest: newer results would be hashed."""
    for job in jobs:
        time = Path(job.manifest).stat().st_mtime_ns
        for path in (*job.results, *job.timed):
            if Path(path).exists():
                os.utime(path, ns=(time, time))


def _missing_source(history: History, job: Job, good: Container[Job]) -> Job | None:
    """The first job upstream whose results are missing; None if all exist."""
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


def _consumers(history: History) -> dict[str, list[Job]]:
    """The jobs that read a path and whose results exist, by path."""
    consumers: dict[str, list[Job]] = {}
    for job in history.jobs:
        if Path(job.manifest).exists():
            for path in job.inputs:
                consumers.setdefault(path, []).append(job)
    return consumers


def _contradictions(job: Job, consumers: Mapping[str, list[Job]]) -> list[str]:
    """Results that existing ones were built from other bytes of.

    A record in the ledger says which of the two is right; without one, the results may have been
    altered together with their manifest.
    """
    if is_recorded(Path(job.manifest)):
        return []
    problems = []
    for path in (*job.results, job.manifest):
        others = [one for one in consumers.get(path, ()) if _was_built_from_another(one, path)]
        if others:
            problems.append(
                f"{others[0].manifest} was built from other bytes of {path} (if these are right, "
                f"{how_to_rebuild(*others)})"
            )
    return problems


def _was_built_from_another(job: Job, path: str) -> bool:
    try:
        made = read_job_manifest(job)
    except InputError:
        return False
    manifest = Path(job.manifest)
    credible = path in made.inputs and not differs_from_record(manifest)
    return credible and made.inputs[path] != sha256_of_file(Path(path))
