"""Checks that existing results are those that jobs of this directory made from what is here now."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from ecslm.common.equal_code import Pair, representative
from ecslm.common.errors import InputError, Problem, refuse
from ecslm.common.files import read_model
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.manifests import MISSING, Manifest, read_manifest
from ecslm.models.bases import BaseManifest
from ecslm.models.prompts import as_parameter
from ecslm.plan.jobs import versions_parameter
from ecslm.provenance.dag import Job, record_format
from ecslm.schemas.paths import FETCHED

# The rule that fetches base weights.
BASES = "base_model"
# Snakemake's records, a file for each result: of the job that built it; and of a job that has
# begun, deleted when the job ends.
RECORDS = Path(".snakemake/metadata")
INCOMPLETE = Path(".snakemake/incomplete")


class Record(BaseModel):
    """What Snakemake has noted of a job; as much as is compared."""

    record_format_version: int
    params: list[str]
    input_checksums: dict[str, str]


def finished(jobs: Iterable[Job]) -> list[Job]:
    """The jobs whose results exist, but those that have begun and not ended.

    Snakemake deletes what such a killed job has left, and runs it again. It marks one result after
    the other while a job starts, so a job of a killed Snakemake may have but one mark.
    """
    return [
        job
        for job in jobs
        if Path(job.manifest).exists()
        and not any(_record(INCOMPLETE, path).is_file() for path in job.files)
    ]


def check_results(study: str, jobs: Sequence[Job]) -> None:
    """Check finished results before anything uses them.

    Raises:
        InputError: a result was modified after it was built, its manifest is broken, or the results
            are those of another job. Or an input was replaced by a file with an older date, which
            Snakemake, which compares the content of newer inputs only, would ignore. Or Snakemake
            has no record of a job, and would judge its results by their dates alone, or one of
            another job: other results were copied to this place, or configuration or code were
            edited before the job began, and then put back.
    """
    made: dict[Job, Manifest] = {}
    problems: list[str | Problem] = []
    # Slow only when many files are new: digests are cached on disk.
    for job in tqdm(jobs, "verifying", unit="job", delay=1, leave=False, disable=None):
        try:
            made[job] = read_job_manifest(job)
            problems += [f"{one}: {how_to_rebuild(job)}" for one in damage(job, made[job])]
        except InputError as error:
            problems += error.details
    refuse(problems)
    refuse(dict(one for job in jobs for one in _exchanged(job, made[job])).values())
    if others := [job.manifest for job in jobs if not _is_recorded(job, made[job])]:
        raise InputError(
            f"{others[0]}: not built by a run in this directory, or its record of that is missing "
            f"or of another job: run `make adopt STUDY={study}` (and CONFIGFILE=..., if you use "
            "one), which verifies and records existing results"
        )


def damage(job: Job, made: Manifest, weights: bool = False) -> list[str]:
    """What is wrong with existing results, by their manifest. Missing ones are made again.

    Args:
        weights: also compare those of a base, which are not outputs of its job. They may be absent,
            as where results were copied from elsewhere.
    """
    own = {Path(path).name for path in job.results}
    # Such as another seed.
    others = [
        f"{job.manifest}: belongs to {name} {found}, not {value}"
        for name, value in job.key.items()
        if (found := getattr(made, name, None)) is not None and str(found) != value
    ]
    # Clock values are not listed.
    files = made.damage(Path(job.manifest), None if weights else made.files.keys() & own)
    return [*others, *(str(file) for file in files if file.kind != MISSING)]


def check_bases(study: str, jobs: Iterable[Job], bases: Iterable[str]) -> None:
    """Refuse a run if the manifest of a base is missing that results were built from.

    A run would fetch the base, and then make everything again that was built from it. Nothing is
    made again after a run of the target `bases`.

    Args:
        jobs: those whose manifests exist.
        bases: manifests of the bases that the study uses.

    Raises:
        InputError: there is such a base.
    """
    if gone := {base for base in bases if not Path(base).exists()}:
        read = {path for job in jobs for path in read_job_manifest(job).inputs}
        refuse(
            f"{base}: no such file, but results were built from it: bring it back by "
            f"`snakemake --cores all --config study={study} -- bases`, which reruns nothing else"
            for base in sorted(gone & read)
        )


def how_to_rebuild(job: Job) -> str:
    """The command that has a job's results rebuilt, for messages."""
    existing = [path for path in job.files if Path(path).exists()]
    return f"`rm {' '.join(existing)}`, then run again to rebuild it"


def read_job_manifest(job: Job) -> Manifest:
    """The manifest of a job's results, with the code and versions that made them, or the pair that
    stands for these, as in parameters of jobs.

    Raises:
        InputError: the manifest is missing or broken.
    """
    path = Path(job.manifest)
    try:
        made = read_model(path, BaseManifest) if job.rule == BASES else read_manifest(path)
        fetched = path.parent / Path(FETCHED).name
        by = read_model(fetched, Pair) if job.rule == BASES and fetched.exists() else made.pair
        return made.model_copy(update=dict(representative(by)))
    except InputError as error:
        raise InputError(*(f"{one}: {how_to_rebuild(job)}" for one in error.problems)) from None


def _exchanged(job: Job, made: Manifest) -> Iterator[tuple[str, str]]:
    """Inputs that have another content than results were built from, and no newer date."""
    built = list(map(Path, job.files))
    if not all(path.exists() for path in built):
        return
    oldest = min(path.stat().st_mtime_ns for path in built)
    for path, digest in made.inputs.items():
        file = Path(path)
        older = file.exists() and file.stat().st_mtime_ns <= oldest
        if older and sha256_of_file(file) != digest:
            found = f"replaced by an older file since {job.manifest} was built from it"
            again = f"`touch {path}`, then run again to rebuild what depends on it"
            yield path, f"{path}: {found}: if this is the right one, {again}"


def _is_recorded(job: Job, made: Manifest) -> bool:
    """Whether Snakemake has a record of a job, with the inputs and parameters of the manifest.

    It keeps one for each result, and if one of them is missing or broken, as after a loss of power,
    or of an older form, it compares nothing but dates. Results of other code or settings may have
    been copied over those that it has a record of. And a job that a scheduler starts reads
    configuration and code when it begins, while the record has what the run was planned with.
    """
    try:
        exist = [path for path in job.files if Path(path).exists()]
        *others, record = (read_model(_record(RECORDS, path), Record) for path in exist)
    except InputError:
        return False
    if any(one.record_format_version < record_format() for one in (*others, record)):
        return False
    values = (
        canonical_json(made.settings),
        made.source_content,
        made.template_sha256 and as_parameter(made.template_sha256),
        made.code,
        made.versions and versions_parameter(made.versions),
    )
    sums = record.input_checksums.items()
    return {repr(value) for value in values if value} <= {*record.params} and all(
        f"sha256:{made.inputs.get(path)}" == checksum for path, checksum in sums
    )


def _record(folder: Path, result: str) -> Path:
    """The file of a result's record: its path in base64, split where it is too long."""
    name = urlsafe_b64encode(result.encode()).decode()
    longest = os.pathconf(".", "PC_NAME_MAX") - 1
    *parts, last = (name[i : i + longest] for i in range(0, len(name), longest))
    return folder.joinpath(*(f"@{part}" for part in parts), last)
