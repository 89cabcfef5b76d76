"""Files below `results/` that no job makes as the studies are configured now, and their removal.

A model, seed, task or table that is removed from the configuration leaves its files, and so do
studies and bases. They are recognised by the path patterns of the rules; other files, and what
symbolic links lead to, are never listed.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.common.manifests import read_manifest
from ecslm.common.results_cache import ResultsCache, remove_entry
from ecslm.models.bases import PathSource
from ecslm.plan.study import Study
from ecslm.provenance.dag import Job
from ecslm.schemas import paths

# What belongs to a result: its unfinished work and the lock of that (`common/workdir.py`), and what
# a killed writer leaves (`common/files.py`).
OF_A_RESULT = (
    re.compile(r"(?P<folder>.+?)/work/(?P<name>[^/]+?)\.(?:lock|[0-9a-f]{16}/.*)"),
    re.compile(r"(?P<folder>.+?)/\.(?P<name>[^/]+)\.[a-z0-9_]{8}(?:/.*)?"),
)


class Leftovers:
    """The files of a study."""

    def __init__(self, study: Study, written: Iterable[str], jobs: Sequence[Job]) -> None:
        """
        Args:
            written: path patterns of what rules write for the study.
            jobs: all jobs of the study.
        """
        self._config, self._jobs, self._study = study.config, jobs, study.name
        # A link may lead to the results of a study, which are not listed but need their bases.
        found = {path.name for path in paths.TOP.glob("*") if path.is_dir()} - paths.SHARED
        self._of_others = found - {*study.config.studies}
        self._folder = Path(study.results)
        own = f"{self._folder}/"
        of_study = [one.removeprefix(own) for one in written if one.startswith(own)]
        self._patterns = [f"{own}{_general(pattern)}" for pattern in of_study]

    @cached_property
    def _written(self) -> dict[Path, str]:
        """The study's files that a rule writes, under whatever configuration, with their results,
        as they are when it is first asked for: who removes them has taken the lock by then."""
        return {
            path: result
            for path in self._own_files(self._folder)
            if any(map(Path(result := _result_of(path)).match, self._patterns))
        }

    def unmade(self) -> list[Path]:
        """Files that jobs have made, with logs and unfinished work, and that none makes now; and
        those of bases that no study uses."""
        made = {path for job in self._jobs for path in (*job.files, *job.logs)}
        unmade = [path for path, result in self._written.items() if result not in made]
        return [*unmade, *self.bases()]

    def bases(self) -> list[Path]:
        """Files of bases that no study of the configuration uses.

        Empty while `results/` has studies that the configuration lacks, since these may use them.
        """
        studies = self._config.studies.values()
        used = {model.base for one in studies for model in one.models.values()}
        used |= {one.bertscore.encoder for one in studies if one.bertscore is not None}
        found = [] if self._of_others else sorted(Path(paths.BASES).glob("*/manifest.json"))
        unused = [path.parent for path in found if path.parent.name not in used]
        return [path for one in unused if not one.is_symlink() for path in self._own_files(one)]

    def results_of(self, files: Iterable[Path]) -> list[Path]:
        """All existing files of the jobs that make any of some files, or any in some directories.

        Raises:
            InputError: no job makes it.
        """
        chosen: set[str] = set()
        for file in files:
            makers = [
                one for one in self._jobs if any(Path(x).is_relative_to(file) for x in one.files)
            ]
            if not makers:
                raise InputError(f"{file}: no result of the study {self._study} as configured now")
            chosen.update(path for job in makers for path in job.files)
        own = {path for path, result in self._written.items() if result in chosen}
        # Bases lie elsewhere.
        return sorted(own.union(filter(Path.is_file, map(Path, chosen))))

    def _own_files(self, folder: Path) -> list[Path]:
        """All files below a directory, but links and local weights that are a base."""
        bases = self._config.bases.values()
        weights = [Path(one.path).resolve() for one in bases if isinstance(one, PathSource)]
        files = (one for one in sorted(folder.rglob("*")) if one.is_file() and not one.is_symlink())
        return [one for one in files if not any(map(one.resolve().is_relative_to, weights))]


def remove(files: Collection[Path], forget: bool = False) -> None:
    """Remove files below `results/`, and directories that are empty then.

    Interrupted, it can be repeated: manifests go after the results that they describe.

    Args:
        forget: remove the results from the cache too, so that their jobs compute them again.

    Raises:
        InputError: a process is still making one of them; nothing is removed.
    """
    locks = [path for path in files if path.suffix == ".lock"]
    manifests = [path for path in files if path.name.endswith("manifest.json")]
    with contextlib.ExitStack() as stack:
        for lock in locks:
            stack.enter_context(held(lock, str(lock.with_suffix("")), wait=False))
        for path in manifests if forget else ():
            # A broken manifest does not tell which entry is its own.
            with contextlib.suppress(InputError):
                if action := read_manifest(path).action:
                    remove_entry(ResultsCache(paths.FINISHED).folder(action))
        for path in (*({*files} - {*locks, *manifests}), *manifests):
            path.unlink(missing_ok=True)
    for lock in locks:
        lock.unlink(missing_ok=True)
    folders = {folder for path in files for folder in path.parents if paths.TOP in folder.parents}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        # Not empty, or gone already.
        with contextlib.suppress(OSError):
            folder.rmdir()


def _result_of(path: Path) -> str:
    """The result that a file belongs to: mostly itself."""
    for pattern in OF_A_RESULT:
        if match := pattern.fullmatch(path.as_posix()):
            return f"{match['folder']}/{match['name']}"
    return path.as_posix()


def _general(pattern: str) -> str:
    """A rule's path pattern as one of `Path.match`.

    One job makes all figures, all answers or all comparisons: another configuration has others. So
    in the place of a file that stands for no wildcard may be any other beside it.
    """
    folder, _, name = pattern.rpartition("/")
    if "{" in pattern or not folder or name.endswith("manifest.json"):
        return re.sub(r"\{\w+\}", "*", pattern)
    return f"{folder}/*.{name.partition('.')[2]}"
