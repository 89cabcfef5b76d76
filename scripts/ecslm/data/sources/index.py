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
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.common.locks import held
from ecslm.data.problems import FoundProblems, Kind, Problems
from ecslm.data.sources.files import DataFile
from ecslm.data.sources.protocol import IsCurrent, PartName, Row
from ecslm.data.sources.splitting import Part, split_files
from ecslm.schemas.settings import Closed

INDEX = "index.json"
SCRIPTS = Path(__file__).resolve().parents[3]
# Modules that affect the content of an index; a test compares them with what this one imports.
SPLITTING_CODE = (
    "ecslm.data.problems",
    "ecslm.data.sources.columns",
    "ecslm.data.sources.files",
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


class IndexedRows:
    """The rows of data files, read from the directory of their index and verified."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder = folder
        self.files = index.files
        self.index = index
        self._parts = {part.name: part for part in index.parts}

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

    def file_digests(self) -> list[str]:
        """Digests of all rows: the name and the sha256 of each file."""
        return [text for one in self.files.items() for text in one]

    def part_digests(self, names: Collection[str], split: str) -> list[str]:
        """Digests of the rows of one task, under any of its names, and one split."""
        return [p.sha256 for p in self.index.parts if p.task in names and p.split == split]

    def _numbered(self, part: Part) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The rows of a part with their numbers in the source."""
        digest, count = hashlib.sha256(), 0
        try:
            with (
                (self.folder / part.file).open(encoding="utf-8") as lines,
                (self.folder / part.places).open(encoding="utf-8") as places,
            ):
                for line, place in zip(lines, places, strict=True):
                    number, _, where = place.removesuffix("\n").partition(" ")
                    digest.update(line.encode())
                    count += 1
                    yield int(number), where, json.loads(line)
        except (OSError, ValueError) as error:
            raise self._damaged(part, str(error)) from None
        if (count, digest.hexdigest()) != (part.rows, part.sha256):
            raise self._damaged(part, "modified since it was written")

    def _damaged(self, part: Part, why: str) -> InputError:
        return InputError(
            f"{self.folder / part.file}: {why}: delete the directory {self.folder} to rebuild it"
        )


def cached_rows(cache: Path, origin: Sequence[str], is_current: IsCurrent) -> IndexedRows | None:
    """The rows of an existing index of a source, if there is a current one.

    The source is not read: that takes a second or more, in each of many jobs.

    Args:
        cache: directory of all indexes.
        origin: identity of the source.
    """
    for folder in _folders_of(cache, origin):
        with suppress(InputError):
            index = _read(folder)
            if index.code == _code() and is_current(rows := IndexedRows(folder, index)):
                return rows
    return None


def read_index(
    files: Sequence[DataFile], cache: Path, origin: Sequence[str], defaults: Mapping[str, str]
) -> IndexedRows:
    """The rows of data files, which are indexed unless they have been.

    Args:
        cache: directory of all indexes.
        origin: identity of the source, so that indexes of its former content can be removed.
        defaults: values of columns that a file may lack.

    Raises:
        InputError: a file is missing or truncated, or has no rows.
    """
    digests = {file.name: sha256_of_file(file.path) for file in files}
    key = sha256_of_text(canonical_json([digests, list(origin), dict(defaults), _code()]))[:24]
    folder = cache / key
    if not (folder / INDEX).exists():
        # Jobs that start together wait for the first of them.
        with _locked(folder, wait=True):
            if not (folder / INDEX).exists():
                _remove_remains(cache)
                _build(folder, files, digests, origin, defaults)
                for older in _folders_of(cache, origin):
                    if older != folder:  # as large as the source
                        shutil.rmtree(older)
    return IndexedRows(folder, _read(folder))


def _build(
    folder: Path,
    files: Sequence[DataFile],
    digests: Mapping[str, str],
    origin: Sequence[str],
    defaults: Mapping[str, str],
) -> None:
    problems = Problems()
    remove_temporaries(folder)
    # Moved into place when complete. A kill leaves it to the next index that is built.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        parts = split_files(files, Path(temporary), defaults, problems)
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
    remove_temporaries(folder / INDEX)
    write_json(folder / INDEX, index.model_dump(mode="json"))


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
    try:
        return Index.model_validate(read_json(path))
    except ValidationError as error:
        problem = field_problems(error)[0]
        raise InputError(f"{path}: {problem}: delete the directory to rebuild it") from None


def _code() -> str:
    """Digest of the splitting code, so that an index built by other code is not used."""
    paths = [SCRIPTS.joinpath(*name.split(".")).with_suffix(".py") for name in SPLITTING_CODE]
    return sha256_of_text(canonical_json([sha256_of_file(path) for path in paths]))
