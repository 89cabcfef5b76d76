"""Rows of a data file, one at a time: JSON Lines, one JSON list, or Parquet, told by content."""

import codecs
import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems

# What a folder in hub layout has its rows in.
SUFFIXES = (".json", ".jsonl", ".parquet")
# What others keep rows in, and must not be left unread.
OTHER_SUFFIXES = (
    ".csv",
    ".tsv",
    ".ndjson",
    ".arrow",
    ".xlsx",
    ".gz",
    ".bz2",
    ".xz",
    ".zst",
    ".zip",
)
# What the hub keeps beside them.
NO_ROWS = ("dataset_infos.json",)

PARQUET = b"PAR1"
CHUNK = 1 << 22
PARQUET_ROWS = 1000
SPACE = re.compile(r"\s*")
# The columns of the release.
COLUMNS = (
    *("split", "task", "setting", "instruction", "input", "options", "output"),
    "few_shot_example",
)
IN_NUMBERS = frozenset("0123456789.eE+-")
# Longer than any literal or escape that the end of a chunk may cut.
LONGEST_CUT = 16

Row = tuple[str, dict[str, Any]]


def data_files(path: Path) -> list[Path]:
    """The file itself; of a folder, all files in it and below that can hold rows, sorted.

    Raises:
        InputError: there is none, or one of a form that is not read.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise InputError(f"{path}: is none of {', '.join(SUFFIXES)}: save it as one of them")
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: no such file")
    visible = [
        file
        for file in sorted(path.rglob("*"))
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    files = [file for file in visible if file.suffix in SUFFIXES and file.name not in NO_ROWS]
    problems = [
        f"{file}: is none of {', '.join(SUFFIXES)}: save it as one of them"
        for file in visible
        if file.suffix in OTHER_SUFFIXES
    ]
    if not files and not problems:
        problems = [f"{path}: is a folder without {', '.join(SUFFIXES)} files"]
    if problems:
        raise InputError(*problems)
    return files


def check_columns(names: Iterable[str], where: str) -> None:
    """Refuse columns that are almost those of the release; others are the user's own affair.

    Raises:
        InputError: a column looks like a misspelt one, which would go unread.
    """
    problems = []
    for name in names:
        close = difflib.get_close_matches(name.strip().lower(), COLUMNS, n=1, cutoff=0.8)
        if close and name not in COLUMNS:
            problems.append(
                f"{where}: the column {name!r} is not known: did you mean `{close[0]}`? Rename it"
            )
    if problems:
        raise InputError(*problems)


def file_name(file: Path, source: Path) -> str:
    """A source's file as results may name it: never absolute, since they must not depend on the
    place."""
    return (file.absolute().relative_to(source.parent) if source.is_absolute() else file).as_posix()


def read_rows(
    path: Path, name: str, problems: Problems, advance: Callable[[int], object]
) -> Iterator[Row]:
    """Rows that are objects, each with the place where it stands; the others go to `problems`.

    At most some megabytes of the file are held at a time, or one row if that is longer.

    Args:
        name: what `problems` call the file.
        advance: told of each batch of bytes that is done, for a progress bar.

    Raises:
        InputError: the file as a whole cannot be read; a list that breaks off is such a file.
    """
    with path.open("rb") as stream:
        head = stream.read(len(PARQUET))
        if head == PARQUET:
            yield from _parquet_rows(path, name, advance)
            return
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{name}: is UTF-16 text: save it as UTF-8")
        stream.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
        begin = stream.tell()
        first = _first_character(stream)
        stream.seek(begin)
        if first != b"[":
            yield from _line_rows(stream, name, problems, advance)
            return
    with path.open(encoding="utf-8-sig", newline="") as text:
        try:
            for number, value in enumerate(_list_items(text, name, advance), start=1):
                if isinstance(value, dict):
                    yield f"row {number}", value
                else:
                    problems.add("unreadable_row", f"{name}: row {number}", "not an object")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: not UTF-8 text ({error.reason})") from None


def _first_character(stream: Any) -> bytes:
    while character := stream.read(1):
        if not character.isspace():
            break
    return bytes(character)


def _line_rows(
    stream: Any, name: str, problems: Problems, advance: Callable[[int], object]
) -> Iterator[Row]:
    for number, line in enumerate(stream, start=1):
        advance(len(line))
        if line.isspace():
            continue
        place = f"line {number}"
        cut = "" if line.endswith(b"\n") else ": is the file truncated?"
        try:
            value = json.loads(line.decode(), object_pairs_hook=_object)
        except UnicodeDecodeError as error:
            message = f"not UTF-8 text ({error.reason}){cut}"
            problems.add("unreadable_row", f"{name}: {place}", message)
        except (ValueError, RecursionError) as error:
            problems.add("unreadable_row", f"{name}: {place}", f"not JSON ({error}){cut}")
        else:
            if isinstance(value, dict):
                yield place, value
            else:
                problems.add("unreadable_row", f"{name}: {place}", "not an object")


def _list_items(stream: TextIO, name: str, advance: Callable[[int], object]) -> Iterator[Any]:
    """The items of a JSON list, of which only a part is held at a time."""
    decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
    text, at, number, separated = "", 0, 0, False
    # The list's own bracket.
    while not (text := text.lstrip()):
        text = stream.read(CHUNK)
        advance(len(text))
    at = 1
    while True:
        at = _after_space(text, at)
        if number and not separated and text[at : at + 1] == ",":
            at, separated = _after_space(text, at + 1), True
        problem = "the list breaks off"
        if text[at : at + 1] == "]" and not separated:
            rest = text[at + 1 :] + stream.read()
            if rest.strip():
                raise InputError(f"{name}: more text after the end of the list")
            return
        if at < len(text) and (separated or not number):
            try:
                value, end = decode(text, at)
            except RecursionError:
                raise InputError(f"{name}: row {number + 1}: nested too deeply") from None
            except ValueError as error:
                problem = f"not JSON ({error})"
                position = getattr(error, "pos", 0)
                unterminated = str(error).startswith("Unterminated string")
                if not unterminated and position < len(text) - LONGEST_CUT:
                    raise InputError(f"{name}: row {number + 1}: {problem}") from None
            else:
                # A number that ends with the chunk may go on in the next one.
                if end < len(text) and text[end] not in IN_NUMBERS:
                    yield value
                    at, number, separated = end, number + 1, False
                    continue
        elif at < len(text):
            raise InputError(f"{name}: row {number + 1}: not JSON (a comma is missing before it)")
        # Ever larger pieces, so that an item is not decoded from its start over and over.
        chunk = stream.read(max(CHUNK, len(text) - at))
        if not chunk:
            raise InputError(f"{name}: row {number + 1}: {problem}: is the file truncated?")
        advance(len(chunk))
        text, at = text[at:] + chunk, 0


def _after_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    assert match is not None, "the pattern matches nothing too"
    return match.end()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a key that stands twice `json` would take the last value."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return value


def _parquet_rows(path: Path, name: str, advance: Callable[[int], object]) -> Iterator[Row]:
    # Loaded here, since the other forms do without it.
    from pyarrow import ArrowException, parquet

    number, size = 0, path.stat().st_size
    try:
        with parquet.ParquetFile(path) as file:
            names, total = file.schema_arrow.names, file.metadata.num_rows
            twice = sorted(column for column in COLUMNS if names.count(column) > 1)
            if twice:
                raise InputError(f"{name}: has the column {', '.join(twice)} twice")
            # Others may hold what JSON and this reader do not know.
            check_columns(names, name)
            columns = [column for column in COLUMNS if column in names]
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
                advance(size * batch.num_rows // total)
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{name}: after row {number}: not Parquet ({text})") from None
