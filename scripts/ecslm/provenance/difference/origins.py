"""Finds why two results differ, from their manifests and those of what they were made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ecslm.common.manifests import MadeBy, Manifest, manifest_of
from ecslm.common.validation import read_model
from ecslm.provenance.changes import changed_values, dotted
from ecslm.provenance.code_history import code_changes
from ecslm.provenance.difference.cells import ResultsFolder
from ecslm.schemas import paths
from ecslm.schemas.paths import TOP

Kind = Literal["code", "settings", "data", "versions", "unknown"]


@dataclass(frozen=True)
class Cause:
    """A difference in what two results were made from."""

    kind: Kind
    words: str

    def __str__(self) -> str:
        """`kind: what differs`."""
        return f"{self.kind}: {self.words}"


class Origins:
    """Compares what the results of two directories were made from."""

    def __init__(self, before: ResultsFolder, after: ResultsFolder) -> None:
        self._folders = before, after
        shared = Path(paths.CODE_HISTORY).name
        # Definitions behind digests are recorded beside the directories of studies.
        self._history = dict.fromkeys(
            (before.path.parent / shared, after.path.parent / shared, paths.CODE_HISTORY)
        )

    @cache  # noqa: B019 - one instance a process
    def causes(self, name: str) -> tuple[Cause, ...]:
        """Why the results of a manifest differ, the nearest causes first, each once.

        Args:
            name: the manifest's path, relative to either directory.
        """
        made = [folder.manifest(name) for folder in self._folders]
        before, after = made
        if before is None or after is None:
            where = [
                str(f.path / name) for f, one in zip(self._folders, made, strict=True) if not one
            ]
            return (Cause("unknown", f"no {' and no '.join(where)}"),)
        found = dict.fromkeys((*self._own(name, before, after), *self._of_inputs(before, after)))
        return tuple(found)

    def _own(self, name: str, before: Manifest, after: Manifest) -> Iterator[Cause]:
        (code, versions), (code_after, versions_after) = (
            self._made_by(folder, name, made)
            for folder, made in zip(self._folders, (before, after), strict=True)
        )
        for words in code_changes(code, code_after, tuple(self._history)):
            yield Cause("code", words)
        for words in changed_values(dotted(before.settings), dotted(after.settings)):
            yield Cause("settings", words)
        if before.template_sha256 != after.template_sha256:
            yield Cause("settings", "the prompt template")
        if before.content != after.content:
            yield Cause("data", f"the rows of the source of {Path(name).parent.as_posix()}")
        for words in changed_values(versions, versions_after):
            yield Cause("versions", words)

    def _of_inputs(self, before: Manifest, after: Manifest) -> Iterator[Cause]:
        then, now = (_relative(one.inputs) for one in (before, after))
        for path in sorted(then.keys() | now.keys()):
            if path not in then:
                yield Cause("data", f"{path} is a new input")
            elif path not in now:
                yield Cause("data", f"{path} is no longer an input")
            elif then[path] != now[path]:
                yield from self._of_input(path)

    def _of_input(self, path: str) -> Iterator[Cause]:
        manifest = self._manifest(path)
        if manifest is None:
            yield Cause("data", f"{path} has other content")
            return
        # Of the same code, settings, data and versions, yet with other bytes.
        other = (
            f"{path} was computed again, with other bytes: on another machine, or not "
            "deterministically"
        )
        yield from self.causes(manifest) or (Cause("unknown", other),)

    def _manifest(self, path: str) -> str | None:
        """The manifest of a file, if both directories have it."""
        file = Path(path)
        names = (
            (path,)
            if file.name == "manifest.json"
            else (
                manifest_of(file).as_posix(),
                file.with_name("manifest.json").as_posix(),
            )
        )
        found = (
            name
            for name in names
            if all((folder.path / name).is_file() for folder in self._folders)
        )
        return next(found, None)

    def _made_by(
        self, folder: ResultsFolder, name: str, made: Manifest
    ) -> tuple[str | None, dict[str, str]]:
        """The code and versions behind a manifest; those of a base are in a file beside it."""
        beside = (folder.path / name).with_name(Path(paths.FETCHED).name)
        if made.code is None and beside.is_file():
            fetched = read_model(beside, MadeBy)
            return fetched.code, fetched.versions
        return made.code, made.versions


def _relative(inputs: Mapping[str, str]) -> dict[str, str]:
    """The sha256 of inputs by their path seen from the directory of the study's results."""
    return {_seen_from_study(path): digest for path, digest in inputs.items()}


def _seen_from_study(path: str) -> str:
    root, *rest = Path(path).parts
    if root != TOP.name or len(rest) < 2:
        return path
    folder, *inside = rest
    return Path("..", *rest).as_posix() if folder in paths.SHARED else Path(*inside).as_posix()
