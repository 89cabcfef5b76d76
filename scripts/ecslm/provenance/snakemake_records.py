"""Snakemake's own records of the jobs that it has run."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_json
from ecslm.common.hashing import canonical_json
from ecslm.models.prompts import as_parameter
from ecslm.plan.parameters import versions_parameter
from ecslm.provenance.dag import Job
from ecslm.provenance.integrity import how_to_rebuild, read_job_manifest

# Snakemake's records, a file for each result: of the job that built it; and of a job that has
# begun, deleted when the job ends.
RECORDS = Path(".snakemake/metadata")
INCOMPLETE = Path(".snakemake/incomplete")
# How parameters begin, as Snakemake writes them, that manifests have too; empty settings count as
# none, which not every rule has.
STATED = ("'{", "'code:", "'versions:", "'template:", "'source:", "'weights:")
NO_SETTINGS = "'{}'"


def unfinished_results(jobs: Iterable[Job]) -> frozenset[str]:
    """The manifests of jobs that have begun but not ended: the job or Snakemake was killed.

    Snakemake deletes what exists of their results and runs the jobs again. It marks one result
    after the other while a job starts, so a job of a killed Snakemake may have but one mark.
    """
    if not INCOMPLETE.is_dir() or not any(INCOMPLETE.iterdir()):
        return frozenset()
    return frozenset(
        job.manifest
        for job in jobs
        if any(_record_path(INCOMPLETE, path).is_file() for path in job.files)
    )


def check_recorded(study: str, jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Refuse results that were not built by Snakemake's jobs in this directory.

    If Snakemake has no record of a result, it would judge it by its date alone. Results of other
    code or settings may have been copied over those that it has a record of. And a job that a
    scheduler starts reads configuration and code when it begins, while the record has what the run
    was planned with: if they were edited meanwhile, and then put back, Snakemake would see no
    difference.

    Args:
        jobs: those whose manifests exist.
        unfinished: manifests of results that are rebuilt in any case.

    Raises:
        InputError: there are such results, or the manifest of one that was replaced is broken.
    """
    for job in jobs:
        manifest = Path(job.manifest)
        if job.manifest in unfinished:
            continue
        record = _record_of(job)
        if record is not None and _has_same_origin(job, record):
            continue
        # No other file is likely to have the same time, to a fraction of a microsecond.
        if record is None or record["endtime"] != manifest.stat().st_mtime:
            raise InputError(
                f"{job.manifest}: not built by a run in this directory, or its record of that is "
                f"missing: run `make adopt STUDY={study}` (and CONFIGFILE=..., if you "
                "use one), which verifies and records existing results"
            )
        raise InputError(
            f"{job.manifest}: built from other settings, code or inputs than its run was "
            "planned with, which were edited before the job began: " + how_to_rebuild(job)
        )


def _record_of(job: Job) -> dict[str, Any] | None:
    path = _record_path(RECORDS, job.manifest)
    # A broken record counts as a missing one.
    with suppress(InputError, TypeError, ValueError):
        return dict(read_json(path)) if path.is_file() else None
    return None


def _has_same_origin(job: Job, record: dict[str, Any]) -> bool:
    """Whether manifest and record have the same inputs and parameters, as after a `touch`."""
    made = read_job_manifest(job)
    values = (
        canonical_json(made.settings),
        made.source_content,
        made.template_sha256 and as_parameter(made.template_sha256),
        made.code,
        made.versions and versions_parameter(made.versions),
    )
    stated = {one for one in record["params"] if one.startswith(STATED)}
    others = {repr(value) for value in values if value} ^ stated
    return others <= {NO_SETTINGS} and all(
        f"sha256:{made.inputs.get(path)}" == checksum
        for path, checksum in record["input_checksums"].items()
    )


def _record_path(folder: Path, result: str) -> Path:
    """The file of a result's record: its path in base64, split where it is too long."""
    if not folder.is_dir():
        return folder / "none"
    name = urlsafe_b64encode(result.encode()).decode()
    longest = os.pathconf(folder, "PC_NAME_MAX") - 1
    *parts, last = (name[i : i + longest] for i in range(0, len(name), longest))
    return folder.joinpath(*(f"@{part}" for part in parts), last)
