"""Which process works in this folder, and whether Snakemake has seen how its results were made."""

import contextlib
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path

from ecslm.files import InputError
from ecslm.jobs import Job
from ecslm.locks import held
from ecslm.plan import BASES

RUN_LOCK = Path("results/run.lock")
# Beside Snakemake's records, so that it is copied and deleted with them.
RECORDED = Path(".snakemake/ecslm")
# Where Snakemake marks results whose job has begun; it takes the mark away when the job has ended.
BEGUN = Path(".snakemake/incomplete")

_ownership = contextlib.ExitStack()


def own_folder(study: str) -> None:
    """Keep other runs out until this process ends, and note that results are recorded from now on.

    In place of Snakemake's own lock, which a killed run leaves behind: this one goes with its
    process.

    Raises:
        InputError: another run is going on in this folder.
    """
    _ownership.enter_context(held(RUN_LOCK, "results", wait=False))
    mark_recorded(study)


def mark_recorded(study: str) -> None:
    """Note that Snakemake has records of all results of a study and of the base weights."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    for folder in (study, BASES.name):
        (RECORDED / folder).touch()


def forget_recorded(study: str) -> None:
    """Take the note on a study back."""
    (RECORDED / study).unlink()


def unseen_results() -> frozenset[str]:
    """Results of jobs that Snakemake has seen begin but not end, because one of the two was killed.

    Whatever is there of them, Snakemake deletes it and runs the job again.
    """
    marks = (path.relative_to(BEGUN) for path in BEGUN.rglob("*") if path.is_file())
    # A mark's name is the result's in base64; a long one is cut, its first parts marked by an @.
    names = ("".join(part.removeprefix("@") for part in mark.parts) for mark in marks)
    return frozenset(urlsafe_b64decode(name).decode() for name in names)


def check_custody(study: str, jobs: Iterable[Job]) -> None:
    """Refuse results of which Snakemake has no records: it would judge them by their dates alone.

    Raises:
        InputError: there are such results.
    """
    for job in jobs:
        # results/{study}/... or results/bases/...
        folder = Path(job.manifest).parts[1]
        if not (RECORDED / folder).exists() and Path(job.manifest).exists():
            raise InputError(
                f"{job.manifest}: made elsewhere, or Snakemake's records of it are gone: run `make "
                f"adopt STUDY={study}` (and CONFIGFILE=..., if you use one), which verifies and "
                "records the results that are here"
            )
