"""Finds why two results differ, from their manifests and those of what they were made from."""

from functools import cache
from pathlib import Path

from ecslm.common.manifests import MadeBy, Manifest, manifest_of, read_manifest
from ecslm.common.validation import read_model
from ecslm.provenance.changes import Change, input_changes, own_changes
from ecslm.schemas import paths


class Origins:
    """Compares what the results of two directories were made from."""

    def __init__(self, before: Path, after: Path) -> None:
        self.folders = before, after
        # Definitions behind digests are recorded beside the directories of studies.
        beside = [folder.parent / paths.CODE_HISTORY.name for folder in self.folders]
        self._history = tuple(dict.fromkeys((*beside, paths.CODE_HISTORY)))

    @cache  # noqa: B019 - one instance a process
    def causes(self, name: str) -> tuple[Change, ...]:
        """Why the results of a manifest differ, the nearest causes first, each once.

        Args:
            name: the manifest's path, relative to either directory.
        """
        files = [folder / name for folder in self.folders]
        if absent := [str(file) for file in files if not file.is_file()]:
            return (Change("unknown", f"no {' and no '.join(absent)}"),)
        then, now = map(_manifest, files)
        found = [*own_changes(then, now, self._history)]
        for path, what in input_changes(*map(_inputs, (then, now))):
            made = self._made_by(path) if what == "has changed" else None
            if made is None:
                found.append(Change("data", f"{path} {what}"))
            else:
                # Of the same code, settings, data and versions, yet with other bytes.
                again = (
                    f"{path} was computed again, with other bytes: on another machine, or not "
                    "deterministically"
                )
                found += self.causes(made) or [Change("unknown", again)]
        return tuple(dict.fromkeys(found))

    def _made_by(self, path: str) -> str | None:
        """The manifest of an input, if both directories have it."""
        file = Path(path)
        beside = () if file.name == "manifest.json" else (manifest_of(file),)
        return next(
            (
                name.as_posix()
                for name in (*beside, file.with_name("manifest.json"))
                if all((folder / name).is_file() for folder in self.folders)
            ),
            None,
        )


def seen_from_study(path: str) -> str:
    """The path of an input, relative to the directory of its study's results."""
    root, *rest = Path(path).parts
    if root != paths.TOP.name or len(rest) < 2:
        return path
    folder, *inside = rest
    return Path("..", *rest).as_posix() if folder in paths.SHARED else Path(*inside).as_posix()


def _inputs(made: Manifest) -> dict[str, str]:
    return {seen_from_study(path): digest for path, digest in made.inputs.items()}


def _manifest(path: Path) -> Manifest:
    """A manifest with its code and versions; those of a base are in a file beside it."""
    made, beside = read_manifest(path), path.with_name(Path(paths.FETCHED).name)
    if made.code is None and beside.is_file():
        return made.model_copy(update=dict(read_model(beside, MadeBy)))
    return made
