"""Adoption of results that were built elsewhere: verified against manifests and the graph."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.provenance.dag import Job
from ecslm.provenance.results import damage, how_to_rebuild
from ecslm.provenance.why import Changes, differences

# Rules whose results are not made again in seconds: those that do not match are refused, and kept.
PRECIOUS = (
    *("check_data", "dataset", "base_model", "train_adapter", "fetch_answers", "predict"),
    *("measure_latency", "bertscore", "export_model"),
)


def verified(jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose results exist and are what the graph would build now.

    Each file is compared with its manifest, and each manifest with the configuration, the code, the
    lock file and the inputs. Results that do not match are deleted where they are rebuilt in
    seconds, as scores, comparisons, tables and reports are.

    Args:
        jobs: each after those whose results it reads.

    Raises:
        InputError: other results do not match, or results that they were built from are missing;
            then nothing has been deleted.
    """
    good: list[Job] = []
    problems: list[str] = []
    # The first job upstream without good results, of each job that has none or reads such.
    lost: dict[Job, Job] = {}
    orphans: dict[Job, list[Job]] = {}
    changes = Changes(jobs)
    for job in tqdm(jobs, unit="job", desc="verifying", delay=1):
        exists = any(Path(path).exists() for path in job.files)
        reasons = _mismatches(job) if exists else []
        missing = next((lost[one] for one in changes.sources(job) if one in lost), None)
        if exists and not reasons and missing is None:
            good.append(job)
            continue
        lost[job] = missing or job
        if job.rule in PRECIOUS:
            fix = f"copy it again, or {how_to_rebuild(job)}"
            problems += [f"{job.manifest}: {reason}: {fix}" for reason in reasons]
            if exists and missing is not None:
                orphans.setdefault(missing, []).append(job)
    # Otherwise what is missing may exist, as one of the problems.
    problems = problems or [
        f"{missing.manifest}: missing, but results that were built from it exist: copy it too, "
        f"or {how_to_rebuild(*readers)}"
        for missing, readers in orphans.items()
    ]
    if problems:
        raise InputError(*problems)
    for path in (path for job in lost if job.rule not in PRECIOUS for path in job.files):
        Path(path).unlink(missing_ok=True)
    return good


def align_times(jobs: Iterable[Job]) -> None:
    """Give all results one time: those that are newer than what reads them would be hashed."""
    now = time.time_ns()
    for job in jobs:
        for path in job.files:
            os.utime(path, ns=(now, now))


def _mismatches(job: Job) -> list[str]:
    if not Path(job.manifest).exists():
        return ["missing: it belongs to the results that it describes"]
    gone = [f"{path} is missing" for path in job.results if not Path(path).exists()]
    try:
        changed = [change.words for change in differences(job)]
        return [*gone, *changed, *damage(job, weights=True)]
    except InputError:
        return ["broken"]
