"""Reading files, and writing them atomically: text, JSON, JSON Lines."""

import codecs
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ecslm.common.errors import InputError, Problem, field_problems

Model = TypeVar("Model", bound=BaseModel)

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
GZIP = b"\x1f\x8b"
# How a file begins that is no UTF-8. Those of UTF-32 come first: one begins as UTF-16 does.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    with _atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def remove_temporaries(path: Path) -> None:
    """Remove temporary files and directories that killed writers of `path` left; nobody may be
    writing it now, but one that was interrupted may be removing its own."""
    for temporary in path.parent.glob(f".{escape(path.name)}.????????"):
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


@contextmanager
def _atomic_path(path: Path) -> Iterator[Path]:
    if path.is_dir():
        raise InputError(f"{path}: is a directory; expected a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = hidden(path)
    descriptor = os.open(temporary, NEW, 0o666)
    try:
        yield temporary
        os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        # On a full disk the system does not name the file.
        error.filename = error.filename or str(path)
        raise
    finally:
        # It no longer exists where it was moved.
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def hidden(path: Path) -> Path:
    """A new path next to `path`, of the form that `remove_temporaries` knows."""
    return path.with_name(f".{path.name}.{token_hex(4)}")


def settle(path: Path) -> None:
    """Flush a file that a library wrote to the disk, and give it the permissions that new files
    have under the user's umask."""
    example = hidden(path)
    descriptor = os.open(example, NEW, 0o666)
    try:
        path.chmod(stat.S_IMODE(os.fstat(descriptor).st_mode))
    finally:
        example.unlink()
        os.close(descriptor)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file atomically, of lines that end with newlines."""
    with (
        _atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        stream.writelines(lines)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file atomically."""
    with _atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically; NaN and infinity raise `ValueError`."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Indented JSON, newline included; NaN and infinity raise `ValueError`."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any] | BaseModel]) -> None:
    """Write one JSON object per line, atomically."""
    write_lines(path, map(json_line, rows))


def json_line(row: Mapping[str, Any] | BaseModel) -> str:
    """One line of a JSON Lines file, newline included."""
    value = row.model_dump() if isinstance(row, BaseModel) else row
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def encoding_problem(content: bytes) -> str:
    """The problem of a text that is packed or in another encoding than UTF-8; otherwise empty."""
    if content.startswith(GZIP):
        return "is compressed with gzip: unpack it"
    name = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    return "" if name is None else f"is {name} text: save it as UTF-8"


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with line ends as Python has them and without a byte order mark.

    Raises:
        InputError: the file is missing, is a directory or is not UTF-8.
    """
    try:
        content = path.read_bytes()
        if problem := encoding_problem(content):
            raise InputError(Problem(problem, path))
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; expected a file") from None
    except UnicodeDecodeError as error:
        message = f"not UTF-8 text (byte {error.start})"
        raise InputError(Problem(message, path, kind="not_utf8")) from None


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:
        # A number with too many digits, or nesting that is too deep.
        raise InputError(f"{path}: not JSON ({error})") from None


def read_jsonl(path: Path, model: type[Model]) -> list[Model]:
    """Read a JSON Lines file, validating each line against `model`.

    Raises:
        InputError: the file is missing or has invalid lines; every invalid line is reported.
    """
    rows, problems = numbered_rows(path, model)
    if problems:
        raise InputError(*problems)
    return [row for _, row in rows]


def numbered_rows(path: Path, model: type[Model]) -> tuple[list[tuple[int, Model]], list[Problem]]:
    """The valid rows of a JSON Lines file with their line numbers, and problems of the others.

    Raises:
        InputError: the file is missing or is no text.
    """
    rows: list[tuple[int, Model]] = []
    problems: list[Problem] = []
    # Not str.splitlines(): it also splits at U+2028 and the like, which JSON strings may contain.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, model.model_validate_json(line, strict=True)))
        except ValidationError as error:
            problems += field_problems(error, path, number)
    return rows, problems
