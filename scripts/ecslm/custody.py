"""Which process works in this folder, and whether Snakemake has seen how its results were made."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from ecslm.files import InputError
from ecslm.jobs import Job
from ecslm.locks import held
from ecslm.plan import BASES

RUN_LOCK = Path("results/run.lock")
# Beside Snakemake's records, so that it is copied and deleted with them.
RECORDED = Path(".snakemake/ecslm")

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
