"""Reading and validating files, and writing them atomically: text, JSON, JSON Lines, CSV."""

import codecs
import csv
import json
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ecslm.common.errors import InputError, Problem, field_problems, refuse
from ecslm.common.text import shown

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    return "is UTF-16 text: save it as UTF-8" if content.startswith(UTF_16) else ""


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
        raise InputError(Problem(message, path)) from None


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None


def validated(form: type[Value], value: Any, where: Path | str, line: int | None = None) -> Value:
    """Validate JSON text or a plain value as `form`: a pydantic model, or any other type that
    pydantic knows, but for texts.

    Args:
        where: the file or option that the user gave, for messages.

    Raises:
        InputError: the value is not of this form.
    """
    known = TypeAdapter(form)
    check = known.validate_json if isinstance(value, str | bytes) else known.validate_python
    try:
        return check(value)
    except ValidationError as error:
        raise InputError(*field_problems(error, where, line)) from None


def read_model(path: Path, form: type[Value]) -> Value:
    """Read a JSON file and validate it as `form`.

    Raises:
        InputError: the file is missing, not JSON, or not of this form.
    """
    return validated(form, read_text(path), path)


def read_settings(argument: str | None, model: type[Model], option: str = "--settings") -> Model:
    """Parse a `--settings` option: JSON or `@file`; None means the defaults of `model`.

    Args:
        option: the name of the option, if it has another.

    Raises:
        InputError: not JSON, an unknown key, or a value out of range.
    """
    text = argument or "{}"
    if text.startswith("@"):
        return read_model(Path(text[1:]), model)
    if not text.lstrip().startswith("{"):
        told = f"is not a JSON object; @{text} would be the name of a file"
        raise InputError(f"{option}: {shown(text)} {told}")
    return validated(model, text, option)


def read_csv(
    path: Path, columns: tuple[str, ...], key: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """Read the rows of a CSV file, which must have `columns`.

    Args:
        key: columns whose values name a row.

    Raises:
        InputError: the file or a column is missing, a column is there twice, or a row has too few
            or too many fields, or the name of an earlier one.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
        raise InputError(f"{path}: line 1: missing columns: {', '.join(missing)}")
    names = Counter(reader.fieldnames or ())
    refuse(f"{path}: line 1: {one}: two columns of this name" for one in names if names[one] > 1)
    rows: dict[object, dict[str, str]] = {}
    for line, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {line}: not the same number of fields as the header")
        name = tuple(row[column] for column in key) or line
        if rows.setdefault(name, row) is not row:
            told = f"{', '.join(row[column] for column in key)}: duplicates an earlier line"
            raise InputError(f"{path}: line {line}: {told}")
    return list(rows.values())
