"""Data files split once by task and split, so that a job parses only its own rows.

The cache is keyed by the files' sha256. The digest of each part is what ties a dataset file to the
source: an edited row changes its own part's digest alone.
"""

import hashlib
import heapq
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tqdm import tqdm

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import read_json, write_json
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.common.locks import held
from ecslm.data.problems import Found, Kind, Problems
from ecslm.data.sources.reading import COLUMNS, Row, check_columns, read_rows
from ecslm.schemas.fields import is_writable

# Held before they are written to a part's file, in characters.
BUFFER = 1 << 20
# A column with more values than this is no task and no split.
MOST_PARTS = 1000
LIBRARY = Path(__file__).resolve().parents[2]
OWN_CODE = (
    "data/sources/index.py",
    "data/sources/reading.py",
    "data/problems.py",
    "schemas/fields.py",
)


class DataFile(BaseModel):
    """A file with rows, and what problems and reports call it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: Path


class Part(BaseModel):
    """The rows of one task (by its name in the data) and split; `file` is in the index's folder.

    `places` is the file that tells for each row, in a line, where it stands in the source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    split: str
    rows: int
    sha256: str
    file: str
    places: str


class Index(BaseModel):
    """What data files hold. `problems` are rows that belong to no task and split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(exclude=True, description="Where the parts lie; not in the index's file.")
    origin: str = Field(description="Digest of the files' absolute paths.")
    files: dict[str, str] = Field(description="sha256 of each file by its name.")
    parts: tuple[Part, ...]
    problems: dict[Kind, Found]

    def rows(self, parts: Sequence[Part]) -> Iterator[Row]:
        """The raw rows of some parts in source order, each with the place where it stands.

        Raises:
            InputError: a part is not what it was when it was written.
        """
        numbered = [self._numbered(part) for part in parts]
        for _, where, row in heapq.merge(*numbered, key=lambda one: one[0]):
            yield where, row

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
            raise self._damaged(part, "altered")

    def _damaged(self, part: Part, why: str) -> InputError:
        return InputError(
            f"{self.folder / part.file}: {why}: delete the folder {self.folder} to index anew"
        )


def read_index(files: Sequence[DataFile], cache: Path, defaults: Mapping[str, str]) -> Index:
    """The index of data files, made on first sight.

    Args:
        cache: folder of all indexes.
        defaults: values of columns that a file may lack.

    Raises:
        InputError: a file is missing, truncated or holds no rows.
    """
    digests = {file.name: sha256_of_file(file.path) for file in files}
    # Parts that other code split are not taken up.
    code = [sha256_of_file(LIBRARY / name) for name in OWN_CODE]
    key = sha256_of_text(canonical_json([digests, _origin(files), dict(defaults), code]))[:24]
    folder = cache / key
    path = folder / "index.json"
    if not path.exists():
        # Jobs that start together wait for the first of them.
        with held(cache / f"{key}.lock", str(folder), wait=True):
            if not path.exists():
                _split(files, digests, folder, defaults)
                _remove_older(cache, folder)
    value = read_json(path)
    try:
        return Index.model_validate((value if isinstance(value, dict) else {}) | {"folder": folder})
    except ValidationError as error:
        problem = field_problems(error)[0]
        raise InputError(f"{path}: {problem}: delete the folder to index anew") from None


@dataclass
class _Writer:
    """A part being written, some text at a time."""

    path: Path
    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    lines: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    held: int = 0

    def add(self, line: str, number: int, where: str) -> None:
        self.rows += 1
        self.digest.update(line.encode())
        self.lines.append(line)
        self.places.append(f"{number} {where}\n")
        self.held += len(line)
        if self.held > BUFFER:
            self.flush()

    def flush(self) -> None:
        for path, texts in ((self.path, self.lines), (_places(self.path), self.places)):
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.writelines(texts)
            texts.clear()
        self.held = 0


def _split(
    files: Sequence[DataFile],
    digests: Mapping[str, str],
    folder: Path,
    defaults: Mapping[str, str],
) -> None:
    problems = Problems()
    writers: dict[tuple[str, str], _Writer] = {}
    total = sum(file.path.stat().st_size for file in files)
    # Moved into place whole: an interrupted one leaves nothing.
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as temporary,
        tqdm(
            desc="Reading the data", total=total, unit="B", unit_scale=True, disable=None
        ) as progress,
    ):
        number, seen = 0, set(COLUMNS)
        for file in files:
            absent: dict[str, str] | None = None
            for place, row in read_rows(file.path, file.name, problems, progress.update):
                if absent is None:
                    # A later row that lacks what the first has lost it: nothing stands in for that.
                    absent = {name: text for name, text in defaults.items() if name not in row}
                if mixed := sorted(absent.keys() & row.keys()):
                    raise InputError(
                        f"{file.name}: {place}: has {', '.join(mixed)}, which earlier rows lack: "
                        "give it to all rows or to none"
                    )
                number += 1
                if unknown := row.keys() - seen:
                    check_columns(sorted(unknown), f"{file.name}: {place}")
                    seen |= unknown
                where, full = f"{file.name}: {place}", {**absent, **row}
                key = _key(full, where, problems)
                if key is None:
                    continue
                try:
                    line = _line(full)
                except (TypeError, ValueError, RecursionError) as error:
                    problems.add("unreadable_row", where, f"cannot be kept: {error}")
                    continue
                if key not in writers:
                    if len(writers) == MOST_PARTS:
                        raise InputError(
                            f"{where}: more than {MOST_PARTS} different pairs of task and split: "
                            "are these the right columns?"
                        )
                    writers[key] = _Writer(Path(temporary) / f"{len(writers):03d}.jsonl")
                writers[key].add(line, number, where)
            if absent is None and not problems.total():
                raise InputError(f"{file.name}: holds no rows")
        parts = []
        for (task, split), writer in sorted(writers.items()):
            writer.flush()
            parts.append(
                Part(
                    task=task,
                    split=split,
                    rows=writer.rows,
                    sha256=writer.digest.hexdigest(),
                    file=writer.path.name,
                    places=_places(writer.path).name,
                )
            )
        folder.mkdir(exist_ok=True)
        for path in Path(temporary).iterdir():
            path.replace(folder / path.name)
    index = Index(
        folder=folder,
        origin=_origin(files),
        files=dict(digests),
        parts=tuple(parts),
        problems=problems.by_kind(),
    )
    write_json(folder / "index.json", index.model_dump(mode="json"))


def _remove_older(cache: Path, folder: Path) -> None:
    """Remove the indexes of what the same files held before: each is as large as they are."""
    origin = read_json(folder / "index.json")["origin"]
    for other in cache.glob("*/index.json"):
        # Another one may be damaged: it is no business of this one.
        with suppress(InputError, AttributeError):
            if other.parent != folder and read_json(other).get("origin") == origin:
                shutil.rmtree(other.parent)


def _origin(files: Sequence[DataFile]) -> str:
    return sha256_of_text(canonical_json([str(file.path.absolute()) for file in files]))


def _line(row: Mapping[str, Any]) -> str:
    """A row as a line. ASCII holds any text; a bare NaN stays one, as in the source."""
    for name, value in row.items():
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list) and any(isinstance(one, dict | list) for one in inner):
            raise ValueError(f"{name} is nested: write what it holds as JSON text")
    return json.dumps(row) + "\n"


def _places(part: Path) -> Path:
    return part.with_suffix(".places")


def _key(row: Mapping[str, Any], where: str, problems: Problems) -> tuple[str, str] | None:
    """The row's task and split, if it has them."""
    missing = [name for name in ("task", "split") if not isinstance(row.get(name), str)]
    if missing:
        problems.add("missing_field", where, f"no text in {', '.join(missing)}")
        return None
    key = row["task"], row["split"]
    if not all(map(is_writable, key)):
        problems.add("unwritable_text", where, f"task and split: {key!r} cannot be UTF-8")
        return None
    return key
