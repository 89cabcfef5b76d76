"""Data files split once by task and split, so that a job parses only its own rows.

The cache is keyed by the files' sha256. The digest of each part is what ties a dataset file to the
source: an edited row changes its own part's digest alone.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from tqdm import tqdm

from ecslm.files import (
    InputError,
    canonical_json,
    field_problems,
    read_json,
    sha256_of_file,
    sha256_of_text,
    write_json,
)
from ecslm.locks import held
from ecslm.records.fields import is_writable
from ecslm.records.problems import Found, Kind, Problems
from ecslm.records.reading import Row, read_rows

# Held before they are written to a part's file, in characters.
BUFFER = 1 << 20
# A column with more values than this is no task and no split.
MOST_PARTS = 1000
OWN_CODE = ("index.py", "reading.py", "fields.py", "problems.py")


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

    folder: str
    files: dict[str, str]
    parts: tuple[Part, ...]
    problems: dict[Kind, Found]

    def rows(self, part: Part) -> Iterator[Row]:
        """The raw rows of a part in source order, each with the file and the place it stands at."""
        folder = Path(self.folder)
        with (
            (folder / part.file).open(encoding="utf-8") as lines,
            (folder / part.places).open(encoding="utf-8") as places,
        ):
            for line, place in zip(lines, places, strict=True):
                yield place.removesuffix("\n"), json.loads(line)


def read_index(files: Sequence[DataFile], cache: Path, defaults: Mapping[str, str]) -> Index:
    """The index of data files, made on first sight.

    Args:
        cache: folder of all indexes.
        defaults: values of columns that a row may lack.

    Raises:
        InputError: a file is missing, truncated or holds no rows.
    """
    digests = {file.name: sha256_of_file(file.path) for file in files}
    # Parts that other code split are not taken up.
    code = [sha256_of_file(Path(__file__).with_name(name)) for name in OWN_CODE]
    key = sha256_of_text(canonical_json([digests, dict(defaults), code]))[:24]
    folder = cache / key
    path = folder / "index.json"
    if not path.exists():
        # Jobs that start together wait for the first of them.
        with held(cache / f"{key}.lock", str(folder), wait=True):
            if not path.exists():
                _split(files, digests, folder, defaults)
                _remove_older(cache, folder, set(digests))
    try:
        return Index.model_validate_json(path.read_text(encoding="utf-8"))
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

    def add(self, line: str, place: str) -> None:
        self.rows += 1
        self.digest.update(line.encode())
        self.lines.append(line)
        self.places.append(f"{place}\n")
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
        for file in files:
            for place, row in read_rows(file.path, file.name, problems, progress.update):
                where, full = f"{file.name}: {place}", {**defaults, **row}
                key = _key(full, where, problems)
                if key is None:
                    continue
                try:
                    # ASCII holds any text; a bare NaN stays one, as in the source.
                    line = json.dumps(full) + "\n"
                except (TypeError, ValueError, RecursionError) as error:
                    problems.add("unreadable_row", where, f"cannot be kept as JSON ({error})")
                    continue
                if key not in writers:
                    if len(writers) == MOST_PARTS:
                        raise InputError(
                            f"{where}: more than {MOST_PARTS} different pairs of task and split: "
                            "are these the right columns?"
                        )
                    writers[key] = _Writer(Path(temporary) / f"{len(writers):03d}.jsonl")
                writers[key].add(line, where)
        if not writers and not problems.total():
            raise InputError(*(f"{file.name}: holds no rows" for file in files))
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
        folder=str(folder), files=dict(digests), parts=tuple(parts), problems=problems.by_kind()
    )
    write_json(folder / "index.json", index.model_dump(mode="json"))


def _remove_older(cache: Path, folder: Path, names: set[str]) -> None:
    """Remove the indexes of what the same files held before: each is as large as they are."""
    for other in cache.glob("*/index.json"):
        if other.parent != folder and set(read_json(other).get("files", ())) == names:
            shutil.rmtree(other.parent)


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
