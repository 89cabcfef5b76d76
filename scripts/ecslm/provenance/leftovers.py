"""Files below `results/` that no job makes as the studies are configured now, and their removal.

A model, seed, task or table that is removed from the configuration leaves its files, and so do
studies and bases. They are recognised by the path patterns of the rules; other files are never
listed.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.common.text import nearest
from ecslm.config.schema import Config
from ecslm.data.settings import HubData
from ecslm.models.bases import PathSource
from ecslm.provenance.dag import Job
from ecslm.provenance.snakemake_records import remove_records
from ecslm.schemas import paths

BASES = Path(paths.BASES)
# What belongs to a result: its unfinished work and the lock of that (`common/workdir.py`), and what
# a killed writer leaves (`common/files.py`).
OF_A_RESULT = (
    re.compile(r"(?P<folder>.+?)/work/(?P<name>[^/]+?)\.(?:lock|[0-9a-f]{16}/.*)"),
    re.compile(r"(?P<folder>.+?)/\.(?P<name>[^/]+)\.[a-z0-9_]{8}(?:/.*)?"),
)


class Leftovers:
    """The files of a study that the configuration has, or once had."""

    def __init__(
        self, config: Config, study: str, written: Iterable[str], jobs: Sequence[Job]
    ) -> None:
        """
        Args:
            written: path patterns of what rules write for the study of the configuration.
            jobs: all jobs of the study; none of one that is no longer configured.

        Raises:
            InputError: there is no such study, neither in the configuration nor in `results/`.
        """
        self.folder = Path(paths.RESULTS.format(study=study))
        self._config, self._study, self._jobs = config, study, jobs
        self._made = {path for job in jobs for path in (*job.files, *job.logs)}
        of_a_study = f"{paths.RESULTS.format(study=config.study)}/"
        relative = (one.removeprefix(of_a_study) for one in written if one.startswith(of_a_study))
        self._patterns = [re.compile(_expression(_general(pattern))) for pattern in relative]
        if study not in config.studies:
            _require_study(self.folder, study, config.studies)

    def unmade(self) -> list[Path]:
        """Files that jobs have made, with logs and unfinished work, and that none makes now."""
        return [path for path in self._written() if result_of(path) not in self._made]

    def bases(self) -> list[Path]:
        """Files of bases that no study of the configuration uses.

        Empty while `results/` has studies that the configuration lacks, since these may use them.
        """
        if self.unknown_studies():
            return []
        studies = self._config.studies.values()
        used = {model.base for one in studies for model in one.models.values() if model.base}
        used |= {one.bertscore.encoder for one in studies if one.bertscore is not None}
        unused = [folder for folder in _folders(BASES) if folder.name not in used]
        return [
            path
            for folder in unused
            if (BASES / paths.BASE.format(base=folder.name)).is_file()
            for path in _files(folder)
            if not (path.is_symlink() or self._is_configured(path))
        ]

    def unknown_studies(self) -> list[Path]:
        """Directories of other studies that the configuration lacks."""
        known = {*self._config.studies, self._study, *paths.SHARED}
        return [path for path in _folders(self.folder.parent) if path.name not in known]

    def results_of(self, files: Iterable[Path]) -> list[Path]:
        """All existing files of the jobs that make any of some files, or any in some directories.

        Raises:
            InputError: no job makes it.
        """
        chosen: set[str] = set()
        for file in map(Path.as_posix, files):
            found = [
                job
                for job in self._jobs
                if any(one == file or one.startswith(f"{file}/") for one in job.files)
            ]
            if not found:
                raise InputError(f"{file}: no result of the study {self._study} as configured now")
            chosen.update(path for job in found for path in job.files)
        of_bases = [Path(one) for one in sorted(chosen) if Path(one).is_relative_to(BASES)]
        return [
            *(path for path in self._written() if result_of(path) in chosen),
            *(path for path in of_bases if path.is_file()),
        ]

    def _written(self) -> Iterator[Path]:
        """The study's files that a rule writes, under whatever configuration."""
        for path in _files(self.folder):
            name = os.path.relpath(result_of(path), self.folder)
            if any(pattern.fullmatch(name) for pattern in self._patterns) and not (
                path.is_symlink() or self._is_configured(path)
            ):
                yield path

    @cached_property
    def _configured(self) -> list[str]:
        """Local data and weights that the configuration names: they may lie anywhere."""
        sources = [one for one in self._config.bases.values() if isinstance(one, PathSource)]
        found = [source.path for source in sources]
        for study in self._config.studies.values():
            data = study.data
            found.append(data.id if isinstance(data, HubData) else data.path)
            found += [data.labels.path] if data.labels is not None else []
        return [os.path.realpath(path) for path in found]

    def _is_configured(self, path: Path) -> bool:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(one) for one in self._configured)


def remove(files: Collection[Path]) -> None:
    """Remove files below `results/`, the records of them, and directories that are empty then.

    Interrupted, it can be repeated: manifests go after the results that they describe.

    Raises:
        InputError: a process is still making one of them; nothing is removed.
    """
    locks = [path for path in files if path.suffix == ".lock"]
    with contextlib.ExitStack() as stack:
        for lock in locks:
            stack.enter_context(held(lock, str(lock.with_suffix("")), wait=False))
        for path in sorted(
            set(files) - set(locks), key=lambda path: path.name.endswith("manifest.json")
        ):
            path.unlink(missing_ok=True)
    for lock in locks:
        lock.unlink(missing_ok=True)
    remove_records(path.as_posix() for path in files)
    _remove_empty(files)


def _remove_empty(removed: Iterable[Path]) -> None:
    folders = {folder for path in removed for folder in path.parents}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if paths.TOP in folder.parents:
            # Not empty, or gone already.
            with contextlib.suppress(OSError):
                folder.rmdir()


def result_of(path: Path) -> str:
    """The result that a file belongs to: mostly itself."""
    for pattern in OF_A_RESULT:
        if match := pattern.fullmatch(path.as_posix()):
            return f"{match['folder']}/{match['name']}"
    return path.as_posix()


def _general(pattern: str) -> str:
    """One job makes all figures, all answers or all comparisons: another configuration has others.

    So in the place of a file that stands for no wildcard may be any other beside it.
    """
    folder, _, name = pattern.rpartition("/")
    if "{" in pattern or not folder or name.endswith("manifest.json"):
        return pattern
    return f"{folder}/{{name}}.{name.partition('.')[2]}"


def _expression(pattern: str) -> str:
    """A path pattern as a regular expression."""
    text, *more = re.split(r"\{(\w+)\}", pattern)
    names, texts = more[::2], more[1::2]
    return re.escape(text) + "".join(
        (r"\d+" if name == "seed" else "[^/]+") + re.escape(after)
        for name, after in zip(names, texts, strict=True)
    )


def _require_study(folder: Path, study: str, studies: Iterable[str]) -> None:
    real = folder.is_dir() and not folder.is_symlink()
    if not study or study in paths.SHARED or study != folder.name or not real:
        raise InputError(
            f"study: {study} is not in studies, nor is there a directory {folder} of its results"
            f"{nearest(study, studies)}"
        )


def _files(folder: Path) -> Iterator[Path]:
    """All files below a directory, and symbolic links, which are not followed."""
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in sorted([*names, *links]))


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir())
