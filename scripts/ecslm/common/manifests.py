"""Manifests: what a result was made from, in a file next to it that its job writes last.

A manifest contains no times, so running the same job again writes the same bytes.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.equal_code import Pair
from ecslm.common.errors import Problem, refuse
from ecslm.common.files import Sha256, Value, read_model, remove_temporaries, write_json
from ecslm.common.hashing import changed_while_read, differs, sha256_of_file

# Kinds of damage.
MISSING, ALTERED = "missing", "altered"


class Manifest(BaseModel):
    """Everything that determines the bytes of a job's results. A stage may add its own fields."""

    # Fields of a stage are attributes even where its own form of manifest is not known.
    model_config = ConfigDict(frozen=True, extra="allow")

    inputs: dict[str, str]
    """sha256 of each file read, by its path as given."""
    content: str | None = None
    """Digest of the source's rows (dataset files)."""
    template_sha256: str | None = Field(None, exclude_if=lambda digest: digest is None)
    """Digest of what the prompt template renders; not written without one."""
    settings: dict[str, Any]
    """The value of the script's `--settings`."""
    code: str | None
    """Digest of the script's code, if it was given."""
    versions: dict[str, str]
    """Versions of libraries that can change results."""
    files: dict[str, str]
    """sha256 of each result, by file name."""
    folder: str = Field(".", exclude_if=lambda folder: folder == ".")
    """Directory of the files, absolute or relative to the manifest's own; not written if it is that
    one."""
    action: Sha256 | None = Field(None, exclude_if=lambda action: action is None)
    """Key of the results in the cache of finished results, if they are kept there."""

    @property
    def pair(self) -> Pair:
        """What made the results."""
        return Pair(code=self.code, versions=self.versions)

    @property
    def source_content(self) -> str | None:
        """Digest of the source's content, as a parameter of the job; None if it has none."""
        return self.content

    def location(self, path: Path) -> Path:
        """The directory of the files, given the manifest's own path."""
        # Not by the file system: `results` may be a symbolic link.
        return Path(os.path.normpath(path.parent / self.folder))

    def damage(self, path: Path, names: Iterable[str] | None = None) -> Iterator[Problem]:
        """Files that are missing or altered; `path` is that of this manifest.

        Args:
            names: check only these files; one that the manifest does not list counts as altered.
        """
        folder = self.location(path)
        for name in self.files if names is None else names:
            file = folder / name
            if not file.exists():
                yield Problem("no such file, but its manifest lists it", file, kind=MISSING)
            elif differs(file, self.files.get(name)):
                told = "altered: its sha256 differs from its manifest"
                yield Problem(told, file, kind=ALTERED)

    def verify(self, path: Path, fix: str, names: Iterable[str] | None = None) -> None:
        """Refuse missing or altered files; `fix` ends the message, the rest is as in `damage`.

        Raises:
            InputError: files are missing or altered.
        """
        refuse(f"{damage}; {fix}" for damage in self.damage(path, names))


# The code and versions of a manifest that does not have them itself, so that the jobs which read it
# depend on its files alone.
MadeBy = Pair


def made_from(
    inputs: Iterable[Path],
    settings: BaseModel | Mapping[str, Any],
    code: str | None,
    versions: Mapping[str, str],
    template_sha256: str | None = None,
) -> dict[str, Any]:
    """The fields of a manifest that are known before the work begins.

    Call it before reading the inputs, so that `require_unchanged` can see whether they changed.
    """
    value = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else dict(settings)
    return {
        "inputs": {str(path): sha256_of_file(path) for path in inputs},
        "template_sha256": template_sha256,
        "settings": value,
        "code": code,
        "versions": dict(versions),
    }


def require_unchanged(origin: Mapping[str, Any]) -> None:
    """Refuse inputs that have changed since `made_from`: it is unclear which version was read.

    Raises:
        InputError: an input has changed.
    """
    inputs = origin["inputs"].items()
    if changed := [path for path, digest in inputs if differs(Path(path), digest)]:
        raise changed_while_read(changed)


def write_manifest(path: Path, origin: Mapping[str, Any], results: Iterable[Path]) -> None:
    """Write the manifest of finished results; `origin` is the value of `made_from`.

    What killed writers of the same files have left is removed.

    Raises:
        InputError: an input has changed since then.
    """
    require_unchanged(origin)
    results = list(results)
    for written in (*results, path):
        remove_temporaries(written)
    files = {result.name: sha256_of_file(result) for result in results}
    write_json(path, Manifest(files=files, **origin).model_dump(mode="json"))


def manifest_of(result: Path) -> Path:
    """Path of the manifest of a result: `AVE.manifest.json` for `AVE.jsonl`."""
    return result.with_suffix(".manifest.json")


def read_manifest(path: Path) -> Manifest:
    """Read the fields that all manifests share.

    Raises:
        InputError: the manifest is missing or invalid.
    """
    return read_model(path, Manifest)


def read_result(path: Path, form: type[Value]) -> Value:
    """Read a JSON result after verifying it against its manifest.

    Raises:
        InputError: the result is missing, altered since it was made, or not of this form.
    """
    verify_result(path)
    return read_model(path, form)


def verify_result(path: Path, manifest: Path | None = None) -> None:
    """Check a result against its manifest. A file without one is the user's own and not checked.

    Args:
        manifest: its path, if it is not named after this result.

    Raises:
        InputError: the manifest is invalid, or the file was altered since it was made.
    """
    manifest = manifest or manifest_of(path)
    if not manifest.is_file():
        return
    made = read_manifest(manifest)
    if path.name in made.files:
        made.verify(manifest, f"`rm {path}`, then run again to rebuild it", [path.name])
