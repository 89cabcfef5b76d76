"""What a result was made from: the manifest beside it, written last by the job that made it.

It holds no clock value, so the same job writes the same bytes.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.validation import Value, read_model


@dataclass(frozen=True)
class Damage:
    """A file that is not as its manifest lists it."""

    path: Path
    missing: bool

    def __str__(self) -> str:
        """`path: what is wrong`."""
        if self.missing:
            return f"{self.path}: no such file, though the manifest lists it"
        return f"{self.path}: altered: its sha256 is not the manifest's"


class Manifest(BaseModel):
    """What decided the bytes of a job's results. A stage may add fields of its own."""

    model_config = ConfigDict(frozen=True)

    inputs: dict[str, str] = Field(description="sha256 of each file read, by its path as given.")
    content: str | None = Field(None, description="Digest of the source's rows (dataset files).")
    settings: dict[str, Any] = Field(description="The value of the script's `--settings`.")
    code: str | None = Field(description="Digest of the script's code, when it was given.")
    versions: dict[str, str] = Field(description="Versions of the libraries that count.")
    files: dict[str, str] = Field(description="sha256 of each result by its name.")
    folder: str = Field(
        ".",
        exclude_if=lambda folder: folder == ".",
        description="Where the files lie: absolute, or from the manifest's own folder, which is "
        "not written.",
    )

    def location(self, path: Path) -> Path:
        """The folder of the files, of the manifest at `path`."""
        return path.parent / self.folder

    def damage(self, path: Path, names: Iterable[str] | None = None) -> Iterator[Damage]:
        """Which files are missing, or have another sha256 than the manifest at `path` says.

        Args:
            names: look at these files alone; one that the manifest does not list is altered.
        """
        for name in self.files if names is None else names:
            file = self.location(path) / name
            if not file.is_file():
                yield Damage(file, missing=True)
            elif sha256_of_file(file) != self.files.get(name):
                yield Damage(file, missing=False)

    def verify(self, path: Path, fix: str, names: Iterable[str] | None = None) -> None:
        """Refuse damaged files; arguments as for `damage`, and how to fix it, for the message.

        Raises:
            InputError: files are missing or altered.
        """
        if problems := [f"{damage}; {fix}" for damage in self.damage(path, names)]:
            raise InputError(*problems)


def made_from(
    inputs: Iterable[Path],
    settings: BaseModel | Mapping[str, Any],
    code: str | None,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """The fields of a manifest that are known before the work begins.

    Called before the inputs are read, so that `require_unchanged` can tell that they were these.
    """
    value = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else dict(settings)
    return {
        "inputs": {str(path): sha256_of_file(path) for path in inputs},
        "settings": value,
        "code": code,
        "versions": dict(versions),
    }


def require_unchanged(origin: Mapping[str, Any]) -> None:
    """Refuse inputs that are no longer those that `made_from` has seen: what was read of them may
    be of the one or the other.

    Raises:
        InputError: an input has changed.
    """
    problems = [
        f"{path}: has changed while it was being read: run again"
        for path, digest in origin["inputs"].items()
        if sha256_of_file(Path(path)) != digest
    ]
    if problems:
        raise InputError(*problems)


def refuse_replaced(
    inputs: Mapping[str, Path | None], outputs: Mapping[str, Path], manifest: Path
) -> None:
    """Refuse to write over an input, over another output, or over the manifest of other results.

    Args:
        inputs: files read, by the option that names each.
        outputs: files to be written, likewise; `manifest` will list them.

    Raises:
        InputError: a file would be lost.
    """
    taken = {path.resolve(): option for option, path in inputs.items() if path}
    for option, path in {**outputs, "--manifest": manifest}.items():
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise InputError(f"{option}: {path} is also {other}: name another file")
    if manifest.is_file():
        listed = read_manifest(manifest).files
        if not {path.name for path in outputs.values()}.intersection(listed):
            raise InputError(
                f"--manifest: {manifest} is that of {', '.join(listed)}: name another file there"
            )


def write_manifest(path: Path, origin: Mapping[str, Any], results: Iterable[Path]) -> None:
    """Write the manifest of results that are in place; `origin` is what `made_from` has given.

    Raises:
        InputError: an input has changed since then.
    """
    require_unchanged(origin)
    files = {result.name: sha256_of_file(result) for result in results}
    write_json(path, Manifest(files=files, **origin).model_dump(mode="json"))


def add_manifest_options(parser: argparse.ArgumentParser) -> None:
    """The options `--manifest` and `--code`, the same in every script that makes a result."""
    parser.add_argument(
        "--manifest",
        type=Path,
        help="what the result was made from (default: the result's path with .manifest.json)",
    )
    parser.add_argument("--code", help="digest of this script's code, recorded in the manifest")


def manifest_of(result: Path) -> Path:
    """Where the manifest of a result lies: `AVE.jsonl` has `AVE.manifest.json`."""
    return result.with_suffix(".manifest.json")


def read_manifest(path: Path) -> Manifest:
    """A manifest's common fields.

    Raises:
        InputError: it is missing or broken.
    """
    return read_model(path, Manifest)


def read_result(path: Path, form: type[Value]) -> Value:
    """A result that is JSON, verified and validated.

    Raises:
        InputError: it is missing, altered since it was made, or has another form.
    """
    verify_result(path)
    return read_model(path, form)


def verify_result(path: Path, manifest: Path | None = None) -> None:
    """Check a result against its manifest. A file without one is the user's own: not checked.

    Args:
        manifest: where it lies, when the job's first result gave it its name.

    Raises:
        InputError: the manifest is broken, or the file was altered since it was made.
    """
    manifest = manifest or manifest_of(path)
    if not manifest.is_file():
        return
    made = read_manifest(manifest)
    if path.name in made.files:
        made.verify(manifest, f"`rm {path}`, then run again to rebuild it", [path.name])
