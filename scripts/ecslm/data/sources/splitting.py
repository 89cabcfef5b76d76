"""Splits data files by task and split: a file of rows for each pair, and one of their places."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems
from ecslm.data.shares import Shares
from ecslm.data.sources.columns import COLUMNS, check_columns
from ecslm.data.sources.files import DataFile
from ecslm.data.sources.protocol import PartName
from ecslm.data.sources.reading import read_rows
from ecslm.schemas.fields import is_writable
from ecslm.schemas.settings import Closed

# Columns that a row must have, by which `row_checks` judges it.
TEXTS = frozenset(("setting", "instruction", "input", "output"))
# Characters of a part that are buffered before they are written to its file.
BUFFER = 1 << 20
# Pairs of task and split; more than this means that the columns have other meanings.
MOST_PARTS = 1000


class Part(Closed):
    """The rows of one task (by its name in the data) and split; `file` is in the index's directory.

    `sha256` is that of the file of rows. `places` is a file with a line for each row: its number
    and its place in the source.
    """

    task: str
    split: str
    rows: int
    sha256: str
    file: str
    places: str
    places_sha256: str

    @property
    def name(self) -> PartName:
        """The part's task and split."""
        return PartName(self.task, self.split)


def split_files(
    files: Sequence[DataFile],
    folder: Path,
    defaults: Mapping[str, str],
    problems: Problems,
    shares: Shares | None = None,
) -> tuple[Part, ...]:
    """Write the parts of data files into a directory, sorted by task and split.

    Args:
        defaults: values of columns that a file may lack.
        problems: collects the rows that belong to no part.
        shares: by which rows are divided; they may not say their split themselves.

    Raises:
        InputError: a file cannot be read as a whole, or has no rows, or its columns are not those
            of the release.
    """
    writers: dict[PartName, _Writer] = {}
    total = sum(file.path.stat().st_size for file in files)
    with tqdm(
        desc="Reading the data", total=total, unit="B", unit_scale=True, disable=None
    ) as progress:
        number, seen = 0, set(COLUMNS)
        for file in files:
            absent: dict[str, str] | None = None
            for place, row in read_rows(file.path, file.name, problems, progress.update):
                where = f"{file.name}: {place}"
                if absent is None:
                    # Defaults are for columns that the first row lacks, not for gaps in later rows.
                    absent = {name: text for name, text in defaults.items() if name not in row}
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
                number += 1
                if unknown := row.keys() - seen:
                    check_columns(sorted(unknown), where)
                    seen |= unknown
                full = {**absent, **row}
                if shares is not None:
                    full["split"] = shares.split_of(row)
                name = _part_name(full, where, problems)
                if name is None:
                    continue
                try:
                    line = _line(full)
                except (TypeError, ValueError, RecursionError) as error:
                    problems.add("unreadable_row", where, f"cannot be stored: {error}")
                    continue
                if name not in writers:
                    if len(writers) == MOST_PARTS:
                        raise InputError(
                            f"{where}: more than {MOST_PARTS} different pairs of task and split: "
                            "are these the right columns?"
                        )
                    writers[name] = _Writer(folder / f"{len(writers):03d}.jsonl")
                writers[name].add(line, number, where)
            if absent is None and not problems.total():
                raise InputError(f"{file.name}: has no rows")
    return tuple(writers[name].finished(name) for name in sorted(writers))


@dataclass
class _Writer:
    """Writes one part, a buffer at a time."""

    path: Path
    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    places_digest: Any = field(default_factory=hashlib.sha256)
    lines: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    held: int = 0

    def add(self, line: str, number: int, where: str) -> None:
        self.rows += 1
        self.digest.update(line.encode())
        self.lines.append(line)
        place = f"{number} {where}\n"
        self.places_digest.update(place.encode())
        self.places.append(place)
        self.held += len(line)
        if self.held > BUFFER:
            self._flush()

    def finished(self, name: PartName) -> Part:
        """The part, after all of its rows have been written."""
        self._flush()
        return Part(
            task=name.task,
            split=name.split,
            rows=self.rows,
            sha256=self.digest.hexdigest(),
            file=self.path.name,
            places=self._places.name,
            places_sha256=self.places_digest.hexdigest(),
        )

    @property
    def _places(self) -> Path:
        return self.path.with_suffix(".places")

    def _flush(self) -> None:
        for path, texts in ((self.path, self.lines), (self._places, self.places)):
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.writelines(texts)
            texts.clear()
        self.held = 0


def _part_name(row: Mapping[str, Any], where: str, problems: Problems) -> PartName | None:
    """The row's task and split, if it has them."""
    missing = [name for name in ("task", "split") if not isinstance(row.get(name), str)]
    if missing:
        problems.add("missing_field", where, f"no text in {', '.join(missing)}")
        return None
    name = PartName(row["task"], row["split"])
    if not all(map(is_writable, name)):
        message = f"task and split: {tuple(name)!r} contain an unpaired surrogate"
        problems.add("unwritable_text", where, message)
        return None
    return name


def _line(row: Mapping[str, Any]) -> str:
    """A row as a line of JSON in ASCII, which can hold any text; NaN stays as in the source.

    The columns of the release are in one order, whatever theirs is. Others are ignored, and only
    kept if they may stand in for a missing one, which a message then says.
    """
    known = {name: row[name] for name in COLUMNS if name in row}
    row = known if known.keys() >= TEXTS else known | {name: row[name] for name in sorted(row)}
    for name, value in row.items():
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list) and any(isinstance(one, dict | list) for one in inner):
            raise ValueError(f"{name} is nested: write it as JSON text")
    return json.dumps(row) + "\n"
