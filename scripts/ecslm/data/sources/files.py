"""The files that a source's rows are in."""

from pathlib import Path

from ecslm.common.errors import InputError
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
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: no such file")
    visible = [
        file
        for file in sorted(path.rglob("*"))
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    files = [file for file in visible if file.suffix in SUFFIXES and file.name not in NO_ROWS]
    problems = [_other_format(file) for file in visible if file.suffix in OTHER_SUFFIXES]
    if not files and not problems:
        problems = [f"{path}: is a directory without {', '.join(SUFFIXES)} files"]
    if problems:
        raise InputError(*problems)
    return files


def file_name(file: Path, source: Path) -> str:
    """The name of a source's file in results: never an absolute path, since results must not
    depend on where files are."""
    return (file.absolute().relative_to(source.parent) if source.is_absolute() else file).as_posix()


def _other_format(path: Path) -> str:
    return f"{path}: not one of {', '.join(SUFFIXES)}: save it as one of them"
