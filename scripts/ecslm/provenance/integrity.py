"""Checks that existing results are those that their jobs made."""

from collections.abc import Container, Iterable
from pathlib import Path

from tqdm import tqdm

from ecslm.common.equal_code import Pair, representative
from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import MadeBy, Manifest, read_manifest
from ecslm.common.validation import read_model
from ecslm.models.bases import BaseManifest
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import FETCHED

MOST_PROBLEMS = 10
# The rule that fetches base weights.
BASES = "base_model"


def check_results(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Check finished results against their manifests before anything uses them.

    Args:
        jobs: those whose manifests exist.
        unfinished: manifests of results that are rebuilt in any case, so they may be incomplete.

    Raises:
        InputError: a result was modified after it was built, its manifest is broken, or the results
            are those of another job.
    """
    problems: list[str] = []
    # Slow only when many files are new: digests are cached on disk.
    bar = tqdm(tuple(jobs), "verifying", unit="job", delay=1, leave=False, disable=None)
    for job in bar:
        if job.manifest not in unfinished:
            try:
                problems += [f"{one}: {how_to_rebuild(job)}" for one in damage(job)]
            except InputError as error:
                problems += error.problems
    if more := problems[MOST_PROBLEMS:]:
        problems[MOST_PROBLEMS:] = [f"and {len(more)} more results like these"]
    if problems:
        raise InputError(*problems)


def damage(job: Job, weights: bool = False) -> list[str]:
    """What is wrong with existing results, by their manifest. Missing ones are made again.

    Args:
        weights: also compare those of a base, which are not outputs of its job. They may be absent,
            as where results were copied from elsewhere.

    Raises:
        InputError: the manifest is missing or broken.
    """
    made, own = read_job_manifest(job), {Path(path).name for path in job.results}
    # Clock values are not listed.
    files = made.damage(Path(job.manifest), None if weights else made.files.keys() & own)
    # Such as another seed.
    of_others = (
        f"{job.manifest}: belongs to {name} {found}, not {value}"
        for name, value in job.key.items()
        if (found := getattr(made, name, None)) is not None and str(found) != value
    )
    return [*of_others, *(str(file) for file in files if not file.missing)]


def check_inputs(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Refuse inputs that were exchanged for files with older dates.

    Snakemake compares the content of newer inputs alone. So results would stay that were built from
    other bytes, for example from predictions before those of another machine were copied over them.

    Args:
        jobs: those whose manifests exist.
        unfinished: manifests of results that are rebuilt in any case.

    Raises:
        InputError: there are such inputs.
    """
    exchanged: dict[str, str] = {}
    for job in jobs:
        built = list(map(Path, job.files))
        if job.manifest in unfinished or not all(path.exists() for path in built):
            continue
        oldest = min(path.stat().st_mtime_ns for path in built)
        for path, digest in read_job_manifest(job).inputs.items():
            file = Path(path)
            older = file.exists() and file.stat().st_mtime_ns <= oldest
            if older and sha256_of_file(file) != digest:
                exchanged.setdefault(path, job.manifest)
    if exchanged:
        raise InputError(
            *(
                f"{path}: exchanged for an older file since {manifest} was built from it: if this "
                f"is the right one, `touch {path}`, then run again to rebuild what depends on it"
                for path, manifest in exchanged.items()
            )
        )


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
    gone = {base for base in bases if not Path(base).exists()}
    if gone and (
        missing := {one for job in jobs for one in gone & {*read_job_manifest(job).inputs}}
    ):
        raise InputError(
            *(
                f"{base}: no such file, but results were built from it: bring it back by "
                f"`snakemake --cores all --config study={study} -- bases`, which reruns nothing "
                "else"
                for base in sorted(missing)
            )
        )


def check_weights(jobs: Iterable[Job]) -> None:
    """Refuse bases of which some files are missing, if the run asks for bases only.

    Other runs may lack them: results can be used without weights.

    Args:
        jobs: those whose manifests exist.

    Raises:
        InputError: a file of a base is missing.
    """
    if missing := [
        f"{damage.path}: no such file, but {job.manifest} lists it: {how_to_rebuild(job)}"
        for job in jobs
        if job.rule == BASES
        for damage in read_job_manifest(job).damage(Path(job.manifest))
        if damage.missing
    ]:
        raise InputError(*missing)


def how_to_rebuild(*jobs: Job) -> str:
    """The command that has jobs' results rebuilt, for messages."""
    files = (path for job in jobs for path in job.files)
    existing = [path for path in files if Path(path).exists()]
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
        by = read_model(fetched, MadeBy) if job.rule == BASES and fetched.exists() else made
        return made.model_copy(
            update=dict(representative(Pair(code=by.code, versions=by.versions)))
        )
    except InputError as error:
        raise InputError(
            *(f"{problem}: {how_to_rebuild(job)}" for problem in error.problems)
        ) from None
