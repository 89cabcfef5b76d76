"""The files that a source's rows are in."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ecslm.common.errors import InputError

# Of files with rows.
SUFFIXES = (".json", ".jsonl", ".parquet")
# Of files that hold rows in other formats, which must not be left unread.
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
# Files without rows that the hub keeps beside them.
NO_ROWS = ("dataset_infos.json",)


class DataFile(BaseModel):
    """A file with rows, and what problems and reports call it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: Path


def data_files(path: Path) -> list[Path]:
    """The file itself; of a directory, all files in it and below that can hold rows, sorted.

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
    """A source's file as results may name it: never absolute, since they must not depend on the
    place."""
    return (file.absolute().relative_to(source.parent) if source.is_absolute() else file).as_posix()


def _other_format(path: Path) -> str:
    return f"{path}: not one of {', '.join(SUFFIXES)}: save it as one of them"
