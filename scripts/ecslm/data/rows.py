"""The files of a data source, and their rows: JSON Lines, one JSON list, or Parquet, whatever the
suffix."""

import codecs
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import encoding_problem
from ecslm.common.text import one_line
from ecslm.data.problems import Problems

# The columns of the release.
COLUMNS = (
    *("split", "task", "setting", "instruction", "input", "options", "output"),
    "few_shot_example",
)
SUFFIXES = (".json", ".jsonl", ".parquet")
# Other formats of data: errors, so that no rows are silently left out.
OTHER_SUFFIXES = (".csv", ".tsv", ".ndjson", ".arrow", ".xlsx", ".gz", ".bz2", ".zst", ".zip")

# Bytes by which the form of a file is told, and characters of a list that are read at a time.
HEAD, CHUNK = 1 << 16, 1 << 22
BATCH_ROWS = 1000
SEPARATORS = re.compile(r"[\s,]*")


DECODER = json.JSONDecoder()

# The place of a row in its source, and the raw row.
Row = tuple[str, dict[str, Any]]


def data_files(path: Path) -> dict[str, Path]:
    """The file itself, or all files below a directory that can have rows, by their names in
    problems and reports. Results must not depend on where files are, so no name is absolute.

    Raises:
        InputError: there is no such file, or one in a format that is not read.
        OSError: a directory cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    found = sorted(_below(path)) if path.is_dir() else [path]
    files = [file for file in found if file.suffix in SUFFIXES]
    formats = ", ".join(SUFFIXES)
    problems = [
        f"{file}: not one of {formats}: save it as one of them"
        for file in found
        if file.suffix in OTHER_SUFFIXES or (file == path and file not in files)
    ]
    if not files and not problems:
        problems = [f"{path}: is a directory without {formats} files"]
    refuse(problems)
    named = {file: file.relative_to(path.parent) if path.is_absolute() else file for file in files}
    return {name.as_posix(): file for file, name in named.items()}


def _below(folder: Path) -> Iterator[Path]:
    """All files below a directory but hidden ones."""
    for one in folder.iterdir():
        if not one.name.startswith("."):
            yield from _below(one) if one.is_dir() else [one]


def check_columns(names: Iterable[str], where: str) -> None:
    """Refuse misspelt columns of the release; other additional columns are ignored.

    Raises:
        InputError: a column looks misspelt, so it would be ignored.
    """
    for name in names:
        close = difflib.get_close_matches(name.strip().lower(), COLUMNS, n=1, cutoff=0.8)
        if close and name not in COLUMNS:
            fix = f"did you mean `{close[0]}`? Rename it"
            raise InputError(f"{where}: unknown column {name!r}: {fix}")


def read_rows(path: Path, name: str, problems: Problems, whole: bool = False) -> Iterator[Row]:
    """Rows that are objects, each with its place; other rows go to `problems`.

    At most a few megabytes of the file are in memory at a time, or one row if that is longer.

    Args:
        name: name of the file in `problems`.
        whole: also columns of Parquet that are not those of the release.

    Raises:
        InputError: the file as a whole cannot be read, for example an incomplete list.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        stream.seek(0)
        if problem := encoding_problem(head):
            raise InputError(f"{name}: {problem}")
        if head.startswith(b"PAR1"):
            values = _parquet_rows(path, name, whole)
        elif head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
            values = _items(TextIOWrapper(stream, encoding="utf-8-sig", newline=""), name)
        else:
            values = _lines(stream, name, problems)
        for where, value in values:
            if isinstance(value, dict):
                yield where, value
            else:
                problems.add("unreadable_row", where, "not an object")


def _lines(stream: IO[bytes], name: str, problems: Problems) -> Iterator[tuple[str, Any]]:
    """The values of JSON Lines; lines that have none go to `problems`."""
    for number, line in enumerate(stream, start=1):
        if line.isspace():
            continue
        where = f"{name}: line {number}"
        cut = "" if line.endswith(b"\n") else ": is the file truncated?"
        try:
            yield where, DECODER.decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            told = f"not UTF-8 text ({error.reason}): save it as such{cut}"
            problems.add("unreadable_row", where, told)
        except (ValueError, RecursionError) as error:
            problems.add("unreadable_row", where, f"not JSON ({error}){cut}")


def _items(stream: IO[str], name: str) -> Iterator[tuple[str, Any]]:
    """The items of one JSON list, of which only a part is in memory at a time.

    Raises:
        InputError: the list is not valid JSON, or is incomplete, or not UTF-8.
    """
    text, number, at = "", 0, 1
    try:
        while not text:
            text = stream.read(CHUNK).lstrip()
        while not text.startswith("]", at := SEPARATORS.match(text, at).end()):  # type: ignore[union-attr]
            where = f"{name}: row {number + 1}"
            try:
                value, at = DECODER.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                # Pieces grow, so that a long item is not decoded again and again.
                if not (chunk := stream.read(max(CHUNK, len(text) - at))):
                    told = f"not JSON ({error}): is the file truncated?"
                    raise InputError(f"{where}: {told}") from None
                text, at = text[at:] + chunk, 0
                continue
            number += 1
            yield where, value
        if text[at + 1 :].strip() or stream.read().strip():
            raise InputError(f"{name}: more text after the end of the list")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text ({error.reason})") from None


def _parquet_rows(path: Path, name: str, whole: bool) -> Iterator[Row]:
    """The rows of a Parquet file, with only the columns of the release unless `whole`.

    Raises:
        InputError: the file is not Parquet, or a column is misspelt.
    """
    # Imported here, since other formats do not need it.
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if not whole:
                # Other columns may have types that JSON or this reader does not support.
                check_columns(names, name)
                names = [column for column in COLUMNS if column in names]
            batches = file.iter_batches(batch_size=BATCH_ROWS, columns=names)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield f"{name}: row {number}", row
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: not Parquet ({one_line(error)})") from None
