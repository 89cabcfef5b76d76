"""Files of a study below `results/` that no job makes as it is configured now, and their removal.

A model, seed, task or table that is removed from the configuration leaves its files. Looked for are
all files in the directories of the study's folder but what jobs make, their logs and their
unfinished work. Files directly in that folder, and what symbolic links lead to, are never listed.
"""

import contextlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from ecslm.common.locks import held
from ecslm.models.bases import PathSource
from ecslm.plan.study import Study
from ecslm.provenance.dag import Job
from ecslm.schemas import paths


def unmade(study: Study, jobs: Iterable[Job]) -> list[Path]:
    """Files that no job makes now, sorted, but local weights that are a base.

    Args:
        jobs: all jobs of the study.
    """
    made = {Path(path) for job in jobs for path in (*job.files, *job.logs)}
    in_use = {path.parent for path in made}
    folder, bases = Path(study.results), study.config.bases.values()
    weights = [Path(one.path).resolve() for one in bases if isinstance(one, PathSource)]
    found = []
    for path in sorted(set(folder.glob("*/**/*")) - made):
        # Of the results in a directory: unfinished work (`common/workdir.py`), and what a killed
        # writer leaves (`common/files.py`).
        kept = any(
            one.is_symlink() or (one.parent in in_use and re.match(r"work$|\.", one.name))
            for one in (path, *path.parents)
            if folder in one.parents
        )
        if path.is_file() and not kept and not any(map(path.resolve().is_relative_to, weights)):
            found.append(path)
    return found


def remove(files: Collection[Path]) -> None:
    """Remove files below `results/`, and directories that are empty then.

    Raises:
        InputError: a job is writing some of them, as one that has outlived its Snakemake.
    """
    with contextlib.ExitStack() as locks:
        for path in files:
            if path.suffix == ".lock":
                locks.enter_context(held(path, str(path), wait=False))
        for path in files:
            path.unlink(missing_ok=True)
    folders = {folder for path in files for folder in path.parents if paths.TOP in folder.parents}
    for folder in sorted(folders, reverse=True):
        # Not empty, or gone already.
        with contextlib.suppress(OSError):
            folder.rmdir()
