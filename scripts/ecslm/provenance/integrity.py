"""Checks that existing results are those that their jobs made."""

from collections.abc import Container, Iterable, Iterator
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
                problems += [f"{one}: {how_to_rebuild(job)}" for one in _differences(job)]
            except InputError as error:
                problems += error.problems
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS]
        raise InputError(*shown, *([f"and {more} more results like these"] if more > 0 else []))


def _differences(job: Job) -> Iterator[str]:
    made = read_job_manifest(job)
    # Clock values are not listed. Missing files are made again.
    names = [
        path.name for path in map(Path, job.results) if path.exists() and path.name in made.files
    ]
    yield from misplaced(job, made)
    yield from map(str, made.damage(Path(job.manifest), names))


def damage(job: Job) -> list[str]:
    """Differences between results and their manifest that Snakemake does not notice.

    Files may be missing, as a base's weights are where results were copied from elsewhere.

    Raises:
        InputError: the manifest is missing or broken.
    """
    made = read_job_manifest(job)
    found = made.damage(Path(job.manifest))
    return [
        *misplaced(job, made),
        *(f"{one.path} was modified after it was built" for one in found if not one.missing),
    ]


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
            if (
                file.exists()
                and file.stat().st_mtime_ns <= oldest
                and sha256_of_file(file) != digest
            ):
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
    if gone and (missing := {base for job in jobs for base in gone & _inputs(job)}):
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


def _inputs(job: Job) -> set[str]:
    return set(read_job_manifest(job).inputs)


def misplaced(job: Job, made: Manifest) -> Iterator[str]:
    """Fields of a manifest by which the results belong to another job, such as another seed."""
    for name, value in job.key.items():
        found = getattr(made, name, None)
        if found is not None and str(found) != value:
            yield f"{job.manifest}: belongs to {name} {found}, not {value}"


def how_to_rebuild(*jobs: Job) -> str:
    """The command that has jobs' results rebuilt, for messages."""
    files = (path for job in jobs for path in job.files)
    existing = [path for path in files if Path(path).exists()]
    return f"`rm {' '.join(existing)}`, then run again to rebuild it"


def read_job_manifest(job: Job) -> Manifest:
    """The manifest of a job's results, with the code and versions that made them.

    Raises:
        InputError: the manifest is missing or broken.
    """
    path = Path(job.manifest)
    try:
        made: Manifest
        if job.rule == BASES:
            made = read_model(path, BaseManifest)
            made_by = path.parent / Path(FETCHED).name
            if made_by.exists():
                made = made.model_copy(update=dict(read_model(made_by, MadeBy)))
        else:
            made = read_manifest(path)
        # Compared with parameters, which name the pair that stands for equal ones.
        equal = representative(Pair(code=made.code, versions=made.versions))
        return made.model_copy(update=dict(equal))
    except InputError as error:
        raise InputError(
            *(f"{problem}: {how_to_rebuild(job)}" for problem in error.problems)
        ) from None
