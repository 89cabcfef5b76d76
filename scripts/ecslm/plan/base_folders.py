"""Directories from which jobs are going to read base weights."""

from collections.abc import Container
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.models.bases import PathSource
from ecslm.models.fetching import require_model
from ecslm.plan.study import Study


def base_folders(study: Study, due: Container[str]) -> dict[str, str]:
    """The directories by base.

    Those of bases that have been read are left out: jobs that load them may find their results in
    the cache. So are those that a run does not read, as one that makes dataset files alone.

    Args:
        due: files that the run is going to write.
    """
    return {
        base: source.path
        for base, source in study.config.bases.items()
        if isinstance(source, PathSource) and study.base(base) in due
    }


def check_base_folders(study: Study, due: Container[str]) -> None:
    """Check that each of them has a model.

    Raises:
        InputError: a line for each thing that one lacks.
    """
    problems = []
    for base, path in base_folders(study, due).items():
        try:
            require_model(Path(path), path)
        except InputError as error:
            fix = f"put the model there, or set `run: false` for the models on {base}"
            problems += [f"bases.{base}.path: {one}: {fix}" for one in error.problems]
    if problems:
        raise study.config.with_places(InputError(*problems))
