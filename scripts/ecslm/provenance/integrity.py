"""Checks that existing results are those that their jobs made."""

from collections.abc import Collection, Container, Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from ecslm.common.equal_code import Pair, representative
from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import MadeBy, Manifest
from ecslm.common.validation import read_model
from ecslm.plan.rules import Job

MOST_PROBLEMS = 10
# The rule that fetches base weights.
BASES = "base_model"


def check_results(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Check existing results before anything uses them: against their manifests, and these against
    the ledger.

    Args:
        unfinished: manifests of results that are rebuilt in any case, so they may be incomplete.

    Raises:
        InputError: a result or its manifest was modified after it was built, its manifest is broken
            or missing, or the results are those of another job.
    """
    problems: list[str] = []
    # Slow only when many files are new: digests are cached on disk.
    bar = tqdm(tuple(jobs), "verifying", unit="job", delay=1, leave=False, disable=None)
    for job in bar:
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
    damage = made.damage(manifest, [path.name for path in present])
    yield from (f"{one}: {how_to_rebuild(job)}" for one in (*misplaced(job, made), *damage))


def check_inputs(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Refuse inputs that were exchanged for files with older dates.

    Snakemake compares the content of newer inputs alone. So results would stay that were built from
    other bytes, for example from predictions before those of another machine were copied over them.

    Args:
        unfinished: manifests of results that are rebuilt in any case.

    Raises:
        InputError: there are such inputs.
    """
    exchanged: dict[str, str] = {}
    for job in jobs:
        built = [*map(Path, job.results), Path(job.manifest)]
        if job.manifest in unfinished or not all(path.exists() for path in built):
            continue
        oldest = min(path.stat().st_mtime_ns for path in built)
        made = read_job_manifest(job)
        for path in filter(made.inputs.__contains__, job.inputs):
            file = Path(path)
            if (
                file.exists()
                and sha256_of_file(file) != made.inputs[path]
                and file.stat().st_mtime_ns <= oldest
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


def check_bases(study: str, jobs: Collection[Job]) -> None:
    """Refuse a run if the manifest of a base is missing that results were built from.

    A run would fetch the base, and then make everything again that was built from it. Nothing is
    made again after a run of the target `bases`.

    Raises:
        InputError: there is such a base.
    """
    gone = {job.manifest for job in jobs if job.rule == BASES and not Path(job.manifest).exists()}
    missing = sorted(
        {
            base
            for job in jobs
            for base in gone.intersection(job.inputs)
            # A base that has just been chosen is in no manifest yet.
            if Path(job.manifest).exists() and base in read_job_manifest(job).inputs
        }
    )
    if missing:
        raise InputError(
            *(
                f"{base}: no such file, but results were built from it: bring it back by "
                f"`snakemake --cores all --config study={study} -- bases`, which reruns nothing "
                "else"
                for base in missing
            )
        )


def check_weights(jobs: Iterable[Job]) -> None:
    """Refuse bases of which some files are missing, if the run asks for bases only.

    Other runs may lack them: results can be used without weights.

    Raises:
        InputError: a file of a base is missing.
    """
    bases = [job for job in jobs if job.rule == BASES and Path(job.manifest).exists()]
    if missing := [
        f"{damage.path}: no such file, but {job.manifest} lists it: {how_to_rebuild(job)}"
        for job in bases
        for damage in read_job_manifest(job).damage(Path(job.manifest))
        if damage.missing
    ]:
        raise InputError(*missing)


def misplaced(job: Job, made: Manifest) -> Iterator[str]:
    """Fields of a manifest by which the results belong to another job, such as another seed."""
    for name, value in job.key.items():
        found = getattr(made, name, None)
        if found is not None and str(found) != value:
            yield f"{job.manifest}: belongs to {name} {found}, not {value}"


def how_to_rebuild(*jobs: Job) -> str:
    """The command that has jobs' results rebuilt, for messages."""
    files = (path for job in jobs for path in (*job.results, job.manifest))
    existing = [path for path in files if Path(path).exists()]
    return f"`rm {' '.join(existing)}`, then run again to rebuild it"


def read_job_manifest(job: Job) -> Manifest:
    """The manifest of a job's results, with the code and versions that made them.

    Raises:
        InputError: the manifest is missing or broken.
    """
    try:
        made = read_model(Path(job.manifest), job.manifest_form)
        if job.made_by is not None and Path(job.made_by).exists():
            made_by = read_model(Path(job.made_by), MadeBy)
            made = made.model_copy(update=dict(made_by))
        # Compared with parameters, which name the pair that stands for equal ones.
        equal = representative(Pair(code=made.code, versions=made.versions))
        return made.model_copy(update=dict(equal))
    except InputError as error:
        raise InputError(
            *(f"{problem}: {how_to_rebuild(job)}" for problem in error.problems)
        ) from None
