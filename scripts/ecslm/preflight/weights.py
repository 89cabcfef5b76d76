"""Checks whether weights that are taken from this disk are there."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.models.bases import PathSource
from ecslm.models.fetching import require_model
from ecslm.plan.base_folders import base_folders, check_base_folders
from ecslm.preflight.findings import Finding, errors_of, ok, warning
from ecslm.preflight.planned_run import PlannedRun


def check_folders(run: PlannedRun) -> Iterator[Finding]:
    """Whether the directory of each base of source `path` is a model directory."""
    try:
        check_base_folders(run.plan.study, run.due)
    except InputError as problems:
        yield from errors_of(problems)
    else:
        if found := base_folders(run.plan.study, run.due):
            yield ok(f"here: {', '.join(found.values())}")
    yield from _left_behind(run)


def _left_behind(run: PlannedRun) -> Iterator[Finding]:
    """Directories that were read, and are gone before other jobs read them.

    They stop no run, which may find the results of these jobs in the cache.
    """
    study = run.plan.study
    read = {path for job in run.model_jobs for path in job.inputs}
    for base, source in study.config.bases.items():
        manifest = study.base(base)
        if isinstance(source, PathSource) and manifest in read and manifest not in run.due:
            try:
                require_model(Path(source.path), source.path)
            except InputError as error:
                fix = (
                    "put the model there, unless the cache has the results of all jobs that load it"
                )
                for problem in error.problems:
                    yield warning(problem, f"bases.{base}.path", fix)
