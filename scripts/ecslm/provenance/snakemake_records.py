"""Snakemake's own records of jobs: which results it has seen made."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_json
from ecslm.common.hashing import canonical_json
from ecslm.plan.rules import Job
from ecslm.provenance.integrity import read_made

# Snakemake's notes, a file for each result: on the job that made it, and on a job that has begun,
# which goes when the job has ended.
RECORDS = Path(".snakemake/metadata")
BEGUN = Path(".snakemake/incomplete")
# Tells the Snakemake that `adopt.py` starts that the results have been verified.
ADOPTING = "ECSLM_ADOPTING"


def unfinished_results(manifests: Iterable[str]) -> frozenset[str]:
    """The manifests of jobs that Snakemake has seen begin but not end: one of the two was killed.

    Whatever is there of their results, Snakemake deletes it and runs the job again.
    """
    return frozenset(path for path in manifests if _note(BEGUN, path).is_file())


def check_recorded(study: str, jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Refuse results that came here by another way than Snakemake's jobs.

    Of some Snakemake has no record, and would judge them by their dates alone. Others have taken
    the place of those that it has a record of.

    Args:
        unfinished: manifests of results that are rebuilt in any case.

    Raises:
        InputError: there are such results, or the manifest of one that was replaced is broken.
    """
    if ADOPTING in os.environ:
        return
    for job in jobs:
        here = job.manifest not in unfinished and Path(job.manifest).exists()
        if here and not _is_recorded(job):
            raise InputError(
                f"{job.manifest}: not made by a run in this folder, or Snakemake's records of it "
                f"are gone: run `make adopt STUDY={study}` (and CONFIGFILE=..., if you use one), "
                "which verifies and records the results that are here"
            )


def _is_recorded(job: Job) -> bool:
    note = _note(RECORDS, job.manifest)
    if not note.is_file():
        return False
    record = read_json(note)
    # Hardly a file but the recorded one has the same time, to a fraction of a microsecond.
    if record["endtime"] == Path(job.manifest).stat().st_mtime:
        return True
    return _tells_of_the_same(job, record)


def _tells_of_the_same(job: Job, record: dict[str, Any]) -> bool:
    """Whether manifest and record name the same origin, as they do after a `touch`."""
    made = read_made(job)
    values = [made.code or "no code"] if job.script else []
    values += [canonical_json(made.settings)] if job.settings else []
    values += [made.content or "no content"] if job.content else []
    values += [f"versions:{canonical_json(made.versions)}"] if job.versions else []
    parameters = set(record["params"])
    return {repr(value) for value in values} <= parameters and all(
        f"sha256:{made.inputs.get(path)}" == checksum
        for path, checksum in record["input_checksums"].items()
    )


def _note(folder: Path, result: str) -> Path:
    """Snakemake's note on a result: named after its path in base64, which is cut where too long."""
    if not folder.is_dir():
        return folder / "none"
    name = urlsafe_b64encode(result.encode()).decode()
    longest = os.pathconf(folder, "PC_NAME_MAX") - 1
    *parts, last = (name[i : i + longest] for i in range(0, len(name), longest))
    return folder.joinpath(*(f"@{part}" for part in parts), last)
