"""The work directory of a long job: it survives a kill, and one process at a time may use it."""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecslm.common.environment import cpu_type, refuse_variables
from ecslm.common.equal_code import Pair, equivalents
from ecslm.common.files import remove_temporaries, settle, write_json
from ecslm.common.hashing import sha256_of_file, sha256_of_json
from ecslm.common.locks import held
from ecslm.common.manifests import Manifest
from ecslm.common.results_cache import Entry, ResultsCache, link_or_copy

log = logging.getLogger(__name__)

Files = Mapping[str, Path]


@dataclass(frozen=True)
class Outputs:
    """The files that a job writes, in this order: those with clock values, results, manifest."""

    manifest: Path
    results: Files
    """Paths of the results by name; the manifest lists their sha256."""
    timed: Files = field(default_factory=dict)

    @property
    def files(self) -> Files:
        """All files by name, without the manifest."""
        return {**self.timed, **self.results}


@dataclass(frozen=True)
class Work:
    """The work of a job: unfinished in a directory of its own, finished in the cache of results."""

    folder: Path
    _outputs: Outputs
    _action: Mapping[str, Any]
    _origin: Mapping[str, Any]
    _known: Mapping[str, Any]
    _cache: ResultsCache | None

    def restored(self, adapt: Callable[[Files], None] = lambda _: None) -> bool:
        """Take finished results from the cache; returns False if it has none.

        Snakemake deletes results before it runs their job, and results of a job whose end it did
        not see. This brings them back, wherever they were made; also those of other code that was
        shown to compute equal bytes, whose manifest names that code.

        Args:
            adapt: replaces files that were found, by the names of the outputs, where they depend on
                more than the action.

        Raises:
            InputError: there are none, and the environment would change what is computed.
        """
        own = Pair(code=self._origin["code"], versions=self._origin["versions"])
        names, folder = self._outputs.files.keys(), self.folder / "taken"
        for pair in (own, *equivalents(own)):
            shutil.rmtree(folder, ignore_errors=True)
            origin = {**self._origin, **pair.model_dump()}
            key = _key(self._action, origin)
            if self._cache and (entry := self._cache.take(key, names, folder)):
                log.info("taken from the cache: made for %s", entry.made_for)
                files = {name: folder / name for name in names}
                adapt(files)
                self._place(files, entry.fields, origin)
                return True
        shutil.rmtree(folder, ignore_errors=True)
        if device := self._action.get("device"):
            refuse_variables(device)
        return False

    def publish(self, made: Files, found: Mapping[str, Any], keep: bool = True) -> None:
        """Put finished files into the cache, then to the paths of the outputs, the manifest last.

        The rest of the work is removed.

        Args:
            made: the files, by the names of the outputs.
            found: the manifest's own fields that were not known before the work.
            keep: whether another job may take them from the cache.
        """
        for path in made.values():
            settle(path)
        if self._cache is not None and keep:
            entry = Entry(
                key=_key(self._action, self._origin),
                step=self._action["step"],
                made_for=str(self._outputs.manifest),
                fields=dict(found),
                files={name: sha256_of_file(path) for name, path in made.items()},
            )
            # Before anything is in place: a job that is killed from here on has kept its results.
            self._cache.put(entry, made)
        self._place(made, found, self._origin, keep)

    def _place(
        self, files: Files, found: Mapping[str, Any], origin: Mapping[str, Any], kept: bool = True
    ) -> None:
        outputs = self._outputs
        listed = {path.name: sha256_of_file(files[n]) for n, path in outputs.results.items()}
        for name, path in outputs.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_temporaries(path)
            link_or_copy(files[name], path)
        remove_temporaries(outputs.manifest)
        action = _key(self._action, origin) if self._cache is not None and kept else None
        manifest = Manifest(files=listed, action=action, **origin).model_dump(mode="json")
        known = dict(self._known)
        # What was found may have been kept with all fields of another result's manifest.
        write_json(outputs.manifest, manifest | known | dict(found) | known)
        shutil.rmtree(self.folder)


@contextmanager
def work_folder(
    outputs: Outputs,
    action: Mapping[str, Any],
    origin: Mapping[str, Any],
    known: Mapping[str, Any] | None = None,
) -> Iterator[Work]:
    """The work directory of a job, locked while the block runs.

    Its name contains the manifest's name and a digest of the action: of everything that determines
    the bytes of the results, by content, which are `action`, the settings, code and versions of
    `origin` and, if a CPU computes, its type. So work that began with other settings, code or data
    is never continued: directories with another digest are removed. Equal actions have equal
    results, but for what `Work.restored` adapts; they are taken from the cache. While another
    process holds the lock, for example a job that outlived its Snakemake, this waits and logs it.

    Args:
        action: its `step`, and what `origin` does not say: no paths, and no names that may change.
        origin: the value of `made_from`. Without the code's digest, as when a job is run by hand,
            nothing is cached, continued or left: after an edit it would use what the old code made.
        known: the manifest's own fields that are known before the work.
    """
    output = outputs.manifest
    if action.get("device") == "cpu":
        action = {**action, "cpu": cpu_type()}
    if origin["code"] is None:
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=output.parent, prefix=".work-") as temporary:
            yield Work(Path(temporary), outputs, action, origin, known or {}, None)
        return
    root, key = output.parent / "work", _key(action, origin)
    with held(root / f"{output.name}.lock", str(output), wait=True):
        folder = root / f"{output.name}.{key[:16]}"
        for leftover in root.glob(f"{output.name}.*/"):
            if leftover != folder:
                shutil.rmtree(leftover)
        folder.mkdir(exist_ok=True)
        yield Work(folder, outputs, action, origin, known or {}, ResultsCache())


def _key(action: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    """The digest of everything that determines the bytes of results."""
    made_from = {name: value for name, value in origin.items() if name != "inputs"}
    return sha256_of_json({**made_from, **action})
