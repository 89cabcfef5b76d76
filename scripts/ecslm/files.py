"""Files and messages: atomic writing, JSON (Lines), CSV, sha256, lock versions, one-line errors.

This is the leaf of the library: any module may import it, and it imports no other.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from importlib import metadata
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

LOCK_FILE = Path(__file__).resolve().parents[2] / "requirements.lock"


class InputError(Exception):
    """Bad input that the user can mend. Each problem is one line: what, where, how to mend it."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def run_script(run: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Parse the command line and run; an `InputError` ends with exit 1 and a line per problem.

    Ctrl-C and a request to terminate end with a line too, after temporary files are removed.
    """
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(arguments)
    except InputError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("error: interrupted: run again to go on from what is finished", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file into place, whole or not at all."""
    with _temporary_beside(target) as temporary:
        shutil.copyfile(source, temporary)


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """A temporary text file beside `path`, moved into place only when the block succeeds."""
    with (
        _temporary_beside(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        yield stream


def remove_temporaries(path: Path) -> None:
    """Remove what killed processes left of writing `path`; none may be at it now."""
    for temporary in path.parent.glob(f".{escape(path.name)}.????????"):
        temporary.unlink()


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    if path.is_dir():
        raise InputError(f"{path}: is a folder, a file is needed")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        yield temporary
        os.fsync(descriptor)
        # mkstemp makes files private to their owner; results should follow the user's umask.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        # It is gone when the signal came right after it was moved.
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic_writer(path) as stream:
        stream.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON whole or not at all; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any] | BaseModel]) -> None:
    """Write one JSON object a line, whole or not at all."""
    with atomic_writer(path) as stream:
        for row in rows:
            stream.write(json_line(row))


def json_line(row: Mapping[str, Any] | BaseModel) -> str:
    """One line of a JSON Lines file, newline included."""
    value = row.model_dump() if isinstance(row, BaseModel) else row
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def canonical_json(value: Any) -> str:
    """JSON in one fixed form: keys sorted, no spaces. Equal settings give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def read_text(path: Path) -> str:
    """Read a UTF-8 text file.

    Raises:
        InputError: the file is missing or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, a file is needed") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None


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
        # A number too long to read, or nested too deeply.
        raise InputError(f"{path}: not JSON ({error})") from None


def read_jsonl(
    path: Path,
    model: type[Model],
    check: Callable[[list[tuple[int, Model]]], Iterable[tuple[int, str]]] = lambda _: (),
) -> list[Model]:
    """Read a JSON Lines file, validating each line against `model`.

    `check` sees the sound rows with their line numbers and gives what is wrong among them, as
    (line number, `field: message`).

    Raises:
        InputError: the file is missing, or lines are broken; every broken line is named.
    """
    rows: list[tuple[int, Model]] = []
    problems: list[str] = []
    # Not str.splitlines(): it also splits at U+2028 and the like, which JSON strings may hold.
    lines = read_text(path).split("\n")
    if lines[-1]:
        problems.append(f"{path}: line {len(lines)}: no newline at the end: the file is truncated")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, model.model_validate_json(line, strict=True)))
        except ValidationError as error:
            problems += [f"{path}: line {number}: {problem}" for problem in field_problems(error)]
    problems += [f"{path}: line {number}: {problem}" for number, problem in check(rows)]
    if problems:
        raise InputError(*problems)
    return [row for _, row in rows]


def read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file that must have `columns`.

    Raises:
        InputError: the file is missing, a column is missing, or a row has too few or many fields.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path}: line 1: no column {', '.join(missing)}")
    rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {number}: not as many fields as the header")
    return rows


def field_problems(error: ValidationError) -> list[str]:
    """A pydantic error as one `field: message` line for each problem."""
    problems = []
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"][0].lower() + detail["msg"][1:]
        problems.append(f"{field}: {message}" if field else message)
    return problems


def read_settings(argument: str | None, model: type[Model]) -> Model:
    """The value of a `--settings` option: JSON, or `@file`; None gives the schema's defaults.

    Raises:
        InputError: not JSON, an unknown key, or a value out of range.
    """
    if argument is None:
        text, where = "{}", "--settings"
    elif argument.startswith("@"):
        text, where = read_text(Path(argument[1:])), argument[1:]
    else:
        text, where = argument, "--settings"
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InputError(*(f"{where}: {problem}" for problem in field_problems(error))) from None


def sha256_of_text(text: str) -> str:
    """Hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, a file is needed") from None


def verify_files(folder: Path, sha256_by_name: Mapping[str, str], mend: str) -> None:
    """Check that each named file of `folder` has the sha256 that a manifest records.

    Raises:
        InputError: a file is missing or altered; the line ends with `mend`, the way to repair it.
    """
    problems = []
    for name, expected in sha256_by_name.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: no such file, though the manifest lists it; {mend}")
        elif sha256_of_file(path) != expected:
            problems.append(f"{path}: altered: its sha256 is not the manifest's; {mend}")
    if problems:
        raise InputError(*problems)


def lock_versions(packages: Iterable[str], lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """Versions that the lock file pins, without local tags (`2.13.0+cpu` is `2.13.0`).

    Raises:
        InputError: a package is not in the lock file.
    """
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^+\s;]+)", read_text(lock_file), re.MULTILINE))
    missing = [package for package in packages if package not in pins]
    if missing:
        raise InputError(*(f"{lock_file}: {package} is not pinned" for package in missing))
    return {package: pins[package] for package in packages}


def require_locked(packages: Iterable[str]) -> dict[str, str]:
    """The locked versions of `packages`, after checking that these are the ones installed.

    Results name the versions that made them, so a job must not run with others.

    Raises:
        InputError: a package is not installed or has another version than the lock file's.
    """
    locked = lock_versions(packages)
    problems = [
        f"{package}: {version} here, {locked[package]} in {LOCK_FILE.name}: run `make setup`"
        for package, version in installed_versions(locked).items()
        if version != locked[package]
    ]
    if problems:
        raise InputError(*problems)
    return locked


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of `packages` here, without local tags; `not installed` for one that is absent."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package).partition("+")[0]
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
