"""An index of data files: split once by task and split, so that a job parses only its own rows.

A dataset file depends on the digest of its own rows: an edited row changes only that of its part.
"""

import hashlib
import heapq
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.common.hashing import (
    canonical_json,
    sealed,
    sha256_of_file,
    sha256_of_text,
    unchanged,
    unsealed,
)
from ecslm.common.locks import held
from ecslm.data.problems import FoundProblems, Kind, Problems
from ecslm.data.rows import COLUMNS, Row, check_columns, read_rows
from ecslm.data.shares import Shares
from ecslm.schemas.fields import is_writable
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.settings import Closed

INDEX = "index.json"
LIBRARY = Path(__file__).resolve().parents[1]
# Columns that the rows of a user's own files may lack, if all rows of a file do.
DEFAULTS = {"split": "test", "setting": DEFAULT_SETTING}
# Columns that a row must have, by which `row_checks` judges it.
TEXTS = frozenset(("setting", "instruction", "input", "output"))
# Pairs of task and split; more than this means that the columns have other meanings.
MOST_PARTS = 200


class Part(Closed):
    """The rows of one task (by its name in the data) and split.

    `file` has a line for each row: its number and its place in the source, and itself. `content` is
    the digest of the rows, wherever they stand, `sha256` that of the file.
    """

    task: str
    split: str
    rows: int
    content: str
    file: str
    sha256: str


class Index(Closed):
    """The parts of data files, by task and split.

    Attributes:
        code: digest of the code that built the index.
        files: sha256 of each file by its name.
        problems: rows of no task and split.
    """

    code: str
    files: dict[str, str]
    parts: tuple[Part, ...]
    problems: dict[Kind, FoundProblems]


class IndexedRows:
    """The rows of data files, read from the directory of their index and verified."""

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder = folder
        self.files, self.parts = index.files, index.parts
        self._problems = index.problems

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""
        return Problems(self._problems)

    def of(self, names: Collection[str], split: str) -> list[Part]:
        """The parts of one task, under any of its names, and one split."""
        return [part for part in self.parts if part.task in names and part.split == split]

    def rows(self, parts: Sequence[Part]) -> Iterator[Row]:
        """The rows of some parts in source order, each with its place.

        Raises:
            InputError: a part was modified since it was written.
        """
        for _, where, row in heapq.merge(*map(self._read, parts), key=itemgetter(0)):
            yield where, row

    def content(self, names: Collection[str], split: str) -> str:
        """The digest of the rows of one task, under any of its names, and one split.

        Raises:
            InputError: a part was modified since it was written.
        """
        parts = self.of(names, split)
        if len(parts) == 1:
            return parts[0].content
        digest = hashlib.sha256()
        for _, row in self.rows(parts):
            digest.update(json.dumps(row).encode())
        return digest.hexdigest()

    def _read(self, part: Part) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The rows of a part with their numbers in the source."""
        digest = hashlib.sha256()
        with suppress(OSError, ValueError), (self._folder / part.file).open("rb") as lines:
            for line in lines:
                digest.update(line)
                number, where, row = json.loads(line)
                yield number, where, row
        if digest.hexdigest() != part.sha256:
            raise InputError(
                f"{self._folder / part.file}: modified since it was written: delete the directory "
                f"{self._folder} to rebuild it"
            )


def kept_index(folder: Path, files: dict[str, str] | None = None) -> IndexedRows | None:
    """The index in a directory, if there is one that is whole and that this code has built.

    Args:
        files: digests of the files that it must be of; None if it may be of any.
    """
    with suppress(OSError, ValueError):
        index = unsealed(Index, (folder / INDEX).read_bytes())
        if index.code == _code() and files in (None, index.files):
            return IndexedRows(folder, index)
    return None


def index_of(
    files: Mapping[str, Path],
    folder: Path,
    defaults: Mapping[str, str],
    shares: Shares | None = None,
) -> IndexedRows:
    """The rows of data files, which are indexed in a directory unless they have been.

    Args:
        files: by their names.
        defaults: values of columns that a file may lack.
        shares: by which rows without a split are divided.

    Raises:
        InputError: a file is missing or truncated, or has no rows, or changes while it is read.
    """
    with unchanged(files.values()):
        digests = {name: sha256_of_file(path) for name, path in files.items()}
        if (known := kept_index(folder, digests)) is not None:
            return known
        # Jobs that start together wait for the first of them.
        with held(folder.with_suffix(".lock"), str(folder), wait=True):
            return kept_index(folder, digests) or _built(files, digests, folder, defaults, shares)


def _built(
    files: Mapping[str, Path],
    digests: dict[str, str],
    folder: Path,
    defaults: Mapping[str, str],
    shares: Shares | None,
) -> IndexedRows:
    """Build an index; it replaces that of former content when it is complete."""
    problems, new = Problems(), folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        parts = _written(_rows(files, problems, defaults, shares), new, problems)
        index = Index(code=_code(), files=digests, parts=parts, problems=problems.by_kind())
        (new / INDEX).write_text(sealed(index), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return IndexedRows(folder, index)


def _rows(
    files: Mapping[str, Path],
    problems: Problems,
    defaults: Mapping[str, str],
    shares: Shares | None,
) -> Iterator[Row]:
    """The rows of all files, with the columns that those of a file may lack."""
    for name, path in files.items():
        absent: dict[str, str] | None = None
        seen = set(COLUMNS)
        for where, row in read_rows(path, name, problems):
            if absent is None:
                # Defaults are for columns that the first row lacks, not for gaps in later rows.
                absent = {key: text for key, text in defaults.items() if key not in row}
                if shares is not None and "split" in row:
                    raise InputError(
                        f"{where}: has `split`: remove `split` from `data` of the study, or "
                        "this column from all rows"
                    )
            if mixed := sorted(absent.keys() & row.keys()):
                raise InputError(
                    f"{where}: has {', '.join(mixed)}, which earlier rows lack: "
                    "add it to all rows or to none"
                )
            if unknown := row.keys() - seen:
                check_columns(sorted(unknown), where)
                seen |= unknown
            divided = {} if shares is None else {"split": shares.split_of(row)}
            yield where, {**absent, **row, **divided}
        if absent is None and not problems.total():
            raise InputError(f"{name}: has no rows")


def _written(rows: Iterator[Row], folder: Path, problems: Problems) -> tuple[Part, ...]:
    """Write rows into the parts of a directory; those of no part go to `problems`."""
    streams: dict[tuple[str, str], IO[bytes]] = {}
    contents: dict[tuple[str, str], Any] = defaultdict(hashlib.sha256)
    counts = Counter[tuple[str, str]]()
    with ExitStack() as opened:
        bar = tqdm(rows, desc="Reading the data", unit="row", disable=None)
        for number, (where, row) in enumerate(bar, start=1):
            key: tuple[Any, Any] = row.get("task"), row.get("split")
            if not all(isinstance(name, str) and is_writable(name) for name in key):
                problems.add("missing_field", where, "no text in task or split")
                continue
            try:
                text = _as_text(row)
            except (TypeError, ValueError, RecursionError) as error:
                problems.add("unreadable_row", where, f"cannot be stored: {error}")
                continue
            if key not in streams:
                if len(streams) == MOST_PARTS:
                    raise InputError(
                        f"{where}: more than {MOST_PARTS} different pairs of task and split: "
                        "are these the right columns?"
                    )
                file = folder / f"{len(streams):03d}.jsonl"
                streams[key] = opened.enter_context(file.open("wb"))
            streams[key].write(f"[{number}, {json.dumps(where)}, {text}]\n".encode())
            contents[key].update(text.encode())
            counts[key] += 1
    return tuple(
        Part(
            task=key[0],
            split=key[1],
            rows=counts[key],
            content=contents[key].hexdigest(),
            file=Path(streams[key].name).name,
            sha256=sha256_of_file(Path(streams[key].name)),
        )
        for key in sorted(streams)
    )


def _as_text(row: Mapping[str, Any]) -> str:
    """A row as JSON in ASCII, which can hold any text; NaN stays as in the source.

    The columns of the release are in one order, whatever theirs is. Others are ignored, and only
    kept if they may stand in for a missing one, which a message then says.
    """
    known = {name: row[name] for name in COLUMNS if name in row}
    return json.dumps(known if known.keys() >= TEXTS else known | dict(sorted(row.items())))


def _code() -> str:
    """Digest of the code that affects an index, so that one of other code is not used."""
    paths = [*sorted(Path(__file__).parent.glob("*.py")), LIBRARY / "schemas/fields.py"]
    return sha256_of_text(canonical_json([sha256_of_file(path) for path in paths]))
