"""Rows of local files, from an index split by task and split."""

from pathlib import Path

from ecslm.data.settings import PathData
from ecslm.data.sources.index import DataFile, Index, read_index
from ecslm.data.sources.indexed import IndexedRows
from ecslm.data.sources.labels import read_labels
from ecslm.data.sources.reading import data_files, file_name

# Of own records, which may have neither column.
DEFAULTS = {"split": "test", "setting": "IND_Diverse_Instruction"}


def open_rows(source: PathData, cache: Path) -> IndexedRows:
    """The rows of the file or folder.

    Raises:
        InputError: a file is missing or truncated, or there are no rows.
    """
    return IndexedRows(local_index(Path(source.path), cache))


def local_index(path: Path, cache: Path) -> Index:
    """The index of a file, or of a folder's files.

    Raises:
        InputError: a file is missing or truncated, or there are no rows.
    """
    files = [DataFile(name=file_name(file, path), path=file) for file in data_files(path)]
    return read_index(files, cache, DEFAULTS)


def labels(source: PathData) -> list[list[str]] | None:
    """The labels of the ranking rows, if the configuration names a file."""
    return None if source.labels is None else read_labels(source.labels)
