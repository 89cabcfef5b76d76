"""Finds why two results differ, from their manifests and those of what they were made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ecslm.common.manifests import MadeBy, Manifest, manifest_of, read_manifest
from ecslm.common.validation import read_model
from ecslm.provenance.changes import changed_values, dotted
from ecslm.provenance.code_history import code_changes
from ecslm.schemas import paths


@dataclass(frozen=True)
class Cause:
    """A difference in what two results were made from."""

    kind: Literal["code", "settings", "data", "versions", "unknown"]
    words: str

    def __str__(self) -> str:
        """`kind: what differs`."""
        return f"{self.kind}: {self.words}"


class Origins:
    """Compares what the results of two directories were made from."""

    def __init__(self, before: Path, after: Path) -> None:
        self.folders = before, after
        # Definitions behind digests are recorded beside the directories of studies.
        beside = [folder.parent / paths.CODE_HISTORY.name for folder in self.folders]
        self._history = tuple(dict.fromkeys((*beside, paths.CODE_HISTORY)))

    @cache  # noqa: B019 - one instance a process
    def causes(self, name: str) -> tuple[Cause, ...]:
        """Why the results of a manifest differ, the nearest causes first, each once.

        Args:
            name: the manifest's path, relative to either directory.
        """
        files = [folder / name for folder in self.folders]
        if absent := [str(file) for file in files if not file.is_file()]:
            return (Cause("unknown", f"no {' and no '.join(absent)}"),)
        before, after = map(read_manifest, files)
        found = (*self._own(name, before, after), *self._of_inputs(before, after))
        return tuple(dict.fromkeys(found))

    def _own(self, name: str, before: Manifest, after: Manifest) -> Iterator[Cause]:
        (code, versions), (code_after, versions_after) = (
            _made_by(folder / name, made)
            for folder, made in zip(self.folders, (before, after), strict=True)
        )
        for words in code_changes(code, code_after, self._history):
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
        then, now = (
            {seen_from_study(path): digest for path, digest in one.inputs.items()}
            for one in (before, after)
        )
        for path in sorted(then.keys() | now.keys()):
            if path not in then:
                yield Cause("data", f"{path} is a new input")
            elif path not in now:
                yield Cause("data", f"{path} is no longer an input")
            elif then[path] != now[path]:
                yield from self._of_input(path)

    def _of_input(self, path: str) -> Iterator[Cause]:
        file = Path(path)
        names = [manifest_of(file), file.with_name("manifest.json")]
        if file.name == "manifest.json":
            names = [file]
        for name in names:
            if all((folder / name).is_file() for folder in self.folders):
                # Of the same code, settings, data and versions, yet with other bytes.
                again = (
                    f"{path} was computed again, with other bytes: on another machine, or not "
                    "deterministically"
                )
                yield from self.causes(name.as_posix()) or (Cause("unknown", again),)
                return
        yield Cause("data", f"{path} has other content")


def seen_from_study(path: str) -> str:
    """The path of an input, relative to the directory of its study's results."""
    root, *rest = Path(path).parts
    if root != paths.TOP.name or len(rest) < 2:
        return path
    folder, *inside = rest
    return Path("..", *rest).as_posix() if folder in paths.SHARED else Path(*inside).as_posix()


def _made_by(manifest: Path, made: Manifest) -> tuple[str | None, dict[str, str]]:
    """The code and versions behind a manifest; those of a base are in a file beside it."""
    beside = manifest.with_name(Path(paths.FETCHED).name)
    if made.code is None and beside.is_file():
        fetched = read_model(beside, MadeBy)
        return fetched.code, fetched.versions
    return made.code, made.versions
