"""Rows of local files, from an index split by task and split."""

from pathlib import Path

from ecslm.data.settings import PathData
from ecslm.data.sources.files import DataFile, data_files, file_name
from ecslm.data.sources.index import IndexedRows, cached_rows, read_index
from ecslm.data.sources.labels import read_labels
from ecslm.data.sources.protocol import IsCurrent, outdated
from ecslm.schemas.record import DEFAULT_SETTING

# For a user's own records, which may lack these columns.
DEFAULTS = {"split": "test", "setting": DEFAULT_SETTING}


def open_rows(source: PathData, cache: Path, is_current: IsCurrent = outdated) -> IndexedRows:
    """The rows of the file, or of the directory's files.

    Raises:
        InputError: a file is missing or truncated, or has no rows, or changes while it is read.
    """
    labels = None if source.labels is None else read_labels(source.labels)
    path = Path(source.path)
    files = [DataFile(name=file_name(file, path), path=file) for file in data_files(path)]
    shares = source.split
    divided = [] if shares is None else [f"split {shares.val}, {shares.test}"]
    origin = ["path", *(str(file.path.absolute()) for file in files), *divided]
    cached = cached_rows(cache, origin, is_current, labels)
    if cached is not None:
        return cached
    return read_index(files, cache, origin, DEFAULTS, labels, shares=shares)
