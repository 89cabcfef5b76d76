"""The files that a source's rows are in."""

import os
from collections.abc import Iterable
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.schemas.fields import is_writable
from ecslm.schemas.settings import Closed

# Suffixes of files with rows.
SUFFIXES = (".json", ".jsonl", ".parquet")
# Suffixes of other data formats: errors, so that no rows are silently ignored.
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
# Files without rows that are next to the data files on the hub.
NO_ROWS = ("dataset_infos.json",)


class DataFile(Closed):
    """A file with rows, and its name in problems and reports."""

    name: str
    path: Path


def data_files(path: Path) -> list[Path]:
    """The file itself; for a directory, all files below it that can have rows, sorted.

    Raises:
        InputError: there is no such file, or one in a format that is not read.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise InputError(_other_format(path))
        _require_readable([path])
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: {'not a regular file' if path.exists() else 'no such file'}")
    visible = [
        file
        for file in _all_below(path)
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    files = [file for file in visible if file.suffix in SUFFIXES and file.name not in NO_ROWS]
    problems = [_other_format(file) for file in visible if file.suffix in OTHER_SUFFIXES]
    if not files and not problems:
        problems = [f"{path}: is a directory without {', '.join(SUFFIXES)} files"]
    if problems:
        raise InputError(*problems)
    _require_readable(files)
    return files


def _all_below(folder: Path) -> list[Path]:
    """All files and folders below one, sorted."""

    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename), error)

    return sorted(
        Path(place, name)
        for place, folders, files in os.walk(folder, onerror=refuse)
        for name in (*folders, *files)
    )


def _require_readable(files: Iterable[Path]) -> None:
    for file in files:
        if not is_writable(str(file)):
            raise InputError(f"{file}: its name is not UTF-8 text: rename it")
        # To open a pipe would wait for a writer.
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise InputError(f"{file}: not a regular file: remove it from the folder")
        try:
            file.open("rb").close()
        except OSError as error:
            raise _unreadable(file, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read ({error.strerror}): fix its permissions, or `data`")


def file_name(file: Path, source: Path) -> str:
    """The name of a source's file in results: never an absolute path, since results must not
    depend on where files are."""
    return (file.absolute().relative_to(source.parent) if source.is_absolute() else file).as_posix()


def _other_format(path: Path) -> str:
    return f"{path}: not one of {', '.join(SUFFIXES)}: save it as one of them"
