"""Rows of a data file, one at a time: JSON Lines, a JSON list or Parquet, whatever its suffix."""

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems
from ecslm.data.sources.forms import problem_of
from ecslm.data.sources.json_rows import line_rows, list_rows
from ecslm.data.sources.parquet_rows import parquet_rows
from ecslm.data.sources.protocol import Row

PARQUET = b"PAR1"
# Bytes by which the form of a file is told.
LOOKED_AT = 1 << 16


def read_rows(
    path: Path, name: str, problems: Problems, advance: Callable[[int], object]
) -> Iterator[Row]:
    """Rows that are objects, each with its place; other rows go to `problems`.

    At most a few megabytes of the file are in memory at a time, or one row if that is longer.

    Args:
        name: name of the file in `problems`.
        advance: called with the number of bytes read since the last call, for a progress bar.

    Raises:
        InputError: the file as a whole cannot be read, for example an incomplete list.
    """
    with path.open("rb") as stream:
        head = stream.read(LOOKED_AT)
        if head.startswith(PARQUET):
            yield from parquet_rows(path, name, advance)
            return
        if problem := problem_of(head):
            raise InputError(f"{name}: {problem}")
        stream.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
        start = stream.tell()
        first = _first_character(stream)
        stream.seek(start)
        if first != b"[":
            yield from line_rows(stream, name, problems, advance)
            return
    with path.open(encoding="utf-8-sig", newline="") as text:
        try:
            yield from list_rows(text, name, problems, advance)
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: not UTF-8 text ({error.reason})") from None


def _first_character(stream: IO[bytes]) -> bytes:
    while character := stream.read(1):
        if not character.isspace():
            break
    return character
