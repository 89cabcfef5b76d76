"""Rows of a data set of the Hugging Face hub, at a pinned revision."""

from pathlib import Path

from datasets import DownloadManager, load_dataset_builder
from datasets.exceptions import DatasetNotFoundError
from httpx2 import HTTPError

from ecslm.files import InputError
from ecslm.records.index import DataFile, read_index
from ecslm.records.label_file import read_labels
from ecslm.records.reading import SUFFIXES
from ecslm.records.settings import HubData
from ecslm.records.sources.indexed import IndexedRows


def open_rows(source: HubData, cache: Path) -> IndexedRows:
    """The rows of all files; the release has one physical split, `train`, whatever its rows say.

    `datasets` finds and fetches the files, and keeps them in its own cache. It would read a JSON
    list as a whole, five times the size of the file in memory, so the rows are read from the index.

    Raises:
        InputError: the data set or its revision cannot be had, or its files have another form.
    """
    where = f"data: {source.id} at {source.revision}"
    try:
        builder = load_dataset_builder(source.id, revision=source.revision)
        origins = [origin for files in builder.config.data_files.values() for origin in files]
        fetched = DownloadManager().download(origins)
    except (DatasetNotFoundError, HTTPError, OSError, ValueError) as error:
        raise InputError(
            f"{where}: cannot be loaded ({' '.join(str(error).split())}): check the network, the "
            "id and the revision"
        ) from None
    problems = [
        f"{where}: {origin}: is none of {', '.join(SUFFIXES)}"
        for origin in origins
        if not origin.endswith(SUFFIXES)
    ]
    if problems:
        raise InputError(*problems)
    files = [
        DataFile(name=origin, path=Path(path))
        for origin, path in zip(origins, fetched, strict=True)
    ]
    return IndexedRows(read_index(files, cache, defaults={}))


def labels(source: HubData) -> list[list[str]] | None:
    """The labels of the ranking rows, if the configuration names a file."""
    return None if source.labels is None else read_labels(source.labels)
