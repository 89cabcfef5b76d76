"""An index of data files: split once by task and split, so that a job parses only its own rows.

The cache is keyed by the files' sha256. A dataset file depends on the digests of its parts: an
edited row changes only the digest of its own part.
"""

import hashlib
import heapq
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import read_json, remove_temporaries, write_json
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text, unchanged
from ecslm.common.locks import held
from ecslm.data.problems import FoundProblems, Kind, Problems
from ecslm.data.shares import Shares
from ecslm.data.sources.files import DataFile
from ecslm.data.sources.protocol import IsCurrent, LabelFile, PartName, Row
from ecslm.data.sources.splitting import Part, split_files
from ecslm.schemas.settings import Closed

INDEX = "index.json"
SCRIPTS = Path(__file__).resolve().parents[3]
# Modules that affect the content of an index; a test compares them with what this one imports.
SPLITTING_CODE = (
    "ecslm.data.problems",
    "ecslm.data.shares",
    "ecslm.data.sources.columns",
    "ecslm.data.sources.files",
    "ecslm.data.sources.forms",
    "ecslm.data.sources.index",
    "ecslm.data.sources.json_rows",
    "ecslm.data.sources.parquet_rows",
    "ecslm.data.sources.protocol",
    "ecslm.data.sources.reading",
    "ecslm.data.sources.splitting",
    "ecslm.schemas.fields",
    "ecslm.schemas.settings",
)


class Index(Closed):
    """The parts of data files. `problems` are rows that belong to no task and split."""

    origin: tuple[str, ...] = Field(description="Identity of the source, whatever its content.")
    code: str = Field(description="Digest of the code that built the index.")
    files: dict[str, str] = Field(description="sha256 of each file by its name.")
    parts: tuple[Part, ...]
    problems: dict[Kind, FoundProblems]
    digest: str = Field("", description="Digest of all other fields.")

    def content_digest(self) -> str:
        """What `digest` must be."""
        return sha256_of_text(canonical_json(self.model_dump(mode="json", exclude={"digest"})))


class IndexedRows:
    """The rows of data files, read from the directory of their index and verified."""

    def __init__(
        self,
        folder: Path,
        index: Index,
        labels: LabelFile | None = None,
        identity: Sequence[str] | None = None,
    ) -> None:
        """`identity` is what identifies the rows, if that is not what the files contain."""
        self.folder = folder
        self.files = index.files
        self.index = index
        self._parts = {part.name: part for part in index.parts}
        self._labels, self._identity = labels, identity

    def parts(self) -> Sequence[PartName]:
        """All tasks and splits."""
        return tuple(self._parts)

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them in source order, each with its place.

        Raises:
            InputError: a part was modified since it was written.
        """
        numbered = [self._numbered(self._parts[name]) for name in parts]
        for _, where, row in heapq.merge(*numbered, key=lambda one: one[0]):
            yield where, row

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""
        return Problems(self.index.problems)

    def labels(self) -> list[list[str]] | None:
        """The labels of the ranking rows, if the configuration names a file."""
        return None if self._labels is None else self._labels.rows

    @property
    def labels_digest(self) -> str | None:
        """The digest of that file."""
        return None if self._labels is None else self._labels.digest

    def source_digests(self) -> list[str]:
        """What identifies all rows: the name and the sha256 of each file."""
        if self._identity is not None:
            return list(self._identity)
        return [text for one in self.files.items() for text in one]

    def split_digests(self, names: Collection[str], split: str) -> list[str]:
        """What identifies the rows of one task, under any of its names, and one split: the digest
        of each part and, if there are several, of the order in which their rows alternate.

        Raises:
            InputError: a part was modified since it was written.
        """
        if self._identity is not None:
            return list(self._identity)
        parts = [part for part in self.index.parts if part.task in names and part.split == split]
        digests = [part.sha256 for part in parts]
        if len(parts) > 1:
            numbered = [[(number, part.task) for number, _ in self._places(part)] for part in parts]
            order = [name for _, name in heapq.merge(*numbered)]
            digests.append(sha256_of_text(canonical_json(order)))
        return digests

    def _numbered(self, part: Part) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The rows of a part with their numbers in the source."""
        digest, count = hashlib.sha256(), 0
        if not (self.folder / part.file).is_file():
            raise self._damaged(part.file, "missing, or no file")
        try:
            with (self.folder / part.file).open(encoding="utf-8") as lines:
                for line, (number, where) in zip(lines, self._places(part), strict=True):
                    digest.update(line.encode())
                    count += 1
                    yield number, where, json.loads(line)
        except (OSError, ValueError) as error:
            raise self._damaged(part.file, str(error)) from None
        if (count, digest.hexdigest()) != (part.rows, part.sha256):
            raise self._damaged(part.file, "modified since it was written")

    def _places(self, part: Part) -> list[tuple[int, str]]:
        """The number and the place in the source of each row of a part."""
        path = self.folder / part.places
        if not path.is_file() or sha256_of_file(path) != part.places_sha256:
            raise self._damaged(part.places, "missing, or modified since it was written")
        # Not str.splitlines(): names of files may contain other line separators.
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        return [(int(number), where) for number, _, where in (one.partition(" ") for one in lines)]

    def _damaged(self, file: str, why: str) -> InputError:
        return InputError(
            f"{self.folder / file}: {why}: delete the directory {self.folder} to rebuild it"
        )


def cached_rows(
    cache: Path,
    origin: Sequence[str],
    is_current: IsCurrent,
    labels: LabelFile | None,
    identity: Sequence[str] | None = None,
) -> IndexedRows | None:
    """The rows of an existing index of a source, if there is a current one.

    The source is not read: that takes a second or more, in each of many jobs.

    Args:
        cache: directory of all indexes.
        origin: identity of the source.
        labels, identity: as in `IndexedRows`.
    """
    for folder in _folders_of(cache, origin):
        with suppress(InputError):
            index = _read(folder)
            rows = IndexedRows(folder, index, labels, identity)
            if index.code == _code() and is_current(rows):
                return rows
    return None


def read_index(
    files: Sequence[DataFile],
    cache: Path,
    origin: Sequence[str],
    defaults: Mapping[str, str],
    labels: LabelFile | None,
    identity: Sequence[str] | None = None,
    shares: Shares | None = None,
) -> IndexedRows:
    """The rows of data files, which are indexed unless they have been.

    Args:
        cache: directory of all indexes.
        origin: identity of the source, so that indexes of its former content can be removed.
        defaults: values of columns that a file may lack.
        labels, identity: as in `IndexedRows`.
        shares: by which rows without a split are divided. They are part of `origin`.

    Raises:
        InputError: a file is missing or truncated, or has no rows, or changes while it is read.
    """
    digests = _digests(files)
    key = sha256_of_text(canonical_json([digests, list(origin), dict(defaults), _code()]))[:24]
    folder = cache / key
    if not (folder / INDEX).exists():
        # Jobs that start together wait for the first of them.
        with _locked(folder, wait=True):
            if not (folder / INDEX).exists():
                _remove_remains(cache)
                _build(folder, files, digests, origin, defaults, shares)
                for older in _folders_of(cache, origin):
                    if older != folder:  # as large as the source
                        shutil.rmtree(older)
    return IndexedRows(folder, _read(folder), labels, identity)


def _build(
    folder: Path,
    files: Sequence[DataFile],
    digests: Mapping[str, str],
    origin: Sequence[str],
    defaults: Mapping[str, str],
    shares: Shares | None,
) -> None:
    problems = Problems()
    remove_temporaries(folder)
    # Moved into place when complete. A kill leaves it to the next index that is built.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        with unchanged(file.path for file in files):
            if _digests(files) != digests:
                raise InputError("the data changed while they were being read: run again")
            parts = split_files(files, Path(temporary), defaults, problems, shares)
        folder.mkdir(exist_ok=True)
        for path in Path(temporary).iterdir():
            path.replace(folder / path.name)
    index = Index(
        origin=tuple(origin),
        code=_code(),
        files=dict(digests),
        parts=parts,
        problems=problems.by_kind(),
    )
    whole = index.model_copy(update={"digest": index.content_digest()})
    remove_temporaries(folder / INDEX)
    write_json(folder / INDEX, whole.model_dump(mode="json"))


def _digests(files: Sequence[DataFile]) -> dict[str, str]:
    return {file.name: sha256_of_file(file.path) for file in files}


def _locked(folder: Path, wait: bool) -> AbstractContextManager[None]:
    """The lock of those who build an index."""
    return held(folder.with_suffix(".lock"), str(folder), wait)


def _remove_remains(cache: Path) -> None:
    """Remove what killed builders of other indexes left, as large as their sources."""
    for temporary in cache.glob(".*.????????/"):
        folder = cache / temporary.stem.removeprefix(".")
        # Somebody is building it.
        with suppress(InputError), _locked(folder, wait=False):
            remove_temporaries(folder)


def _folders_of(cache: Path, origin: Sequence[str]) -> list[Path]:
    """The directories of a source's indexes."""
    found = []
    for path in cache.glob(f"*/{INDEX}"):
        # Another source's index may be damaged: that does not matter here.
        with suppress(InputError, AttributeError):
            if read_json(path).get("origin") == list(origin):
                found.append(path.parent)
    return found


def _read(folder: Path) -> Index:
    path = folder / INDEX
    fix = f"delete the directory {folder} to rebuild it"
    try:
        index = Index.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path}: {field_problems(error)[0]}: {fix}") from None
    if index.digest != index.content_digest():
        raise InputError(f"{path}: modified since it was written: {fix}")
    return index


def _code() -> str:
    """Digest of the splitting code, so that an index built by other code is not used."""
    paths = [SCRIPTS.joinpath(*name.split(".")).with_suffix(".py") for name in SPLITTING_CODE]
    return sha256_of_text(canonical_json([sha256_of_file(path) for path in paths]))
