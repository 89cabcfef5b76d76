"""What is known of a study's bases: from their files or, while these are not there, by their row of
architectures.csv."""

from collections.abc import Container
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_model
from ecslm.models.architecture import Architecture, llama_architecture, read_architecture
from ecslm.models.bases import BaseManifest, PathSource, fix_of_base
from ecslm.models.fetching import require_model
from ecslm.plan.study import Study


@cache
def architecture(study: Study, base: str) -> Architecture | None:
    """What is known of a base.

    Raises:
        InputError: its files are damaged, or architectures.csv is missing or invalid.
    """
    folder = files_of_base(study, base)
    if folder is None:
        row = study.architecture_row(base)
        return None if row is None else llama_architecture(row)
    try:
        return read_architecture(folder)
    except InputError as error:
        fix = fix_of_base(base, study.config.bases[base], Path(study.base(base)))
        raise InputError(*(f"{problem}: {fix}" for problem in error.problems)) from None


def files_of_base(study: Study, base: str) -> Path | None:
    """The directory of a base's files if all of them are there, as configured now.

    Raises:
        InputError: the manifest is invalid.
    """
    source, manifest = study.config.bases[base], Path(study.base(base))
    if isinstance(source, PathSource) and any(Path(source.path).glob("*.safetensors")):
        return Path(source.path)
    if not manifest.exists():
        return None
    made = read_model(manifest, BaseManifest)
    folder = made.location(manifest)
    # Weights of another source are fetched again.
    fetched = made.source == source and all((folder / name).exists() for name in made.files)
    return folder if fetched else None


def base_folders(study: Study, due: Container[str]) -> dict[str, str]:
    """The directories from which jobs are going to read weights, by base.

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
