"""Rows of a data set of the Hugging Face hub, at a pinned revision."""

import logging
import re
from pathlib import Path

from datasets import DownloadManager, load_dataset_builder

from ecslm.common.errors import InputError
from ecslm.data.settings import HubData
from ecslm.data.sources.index import DataFile, read_index
from ecslm.data.sources.indexed import IndexedRows
from ecslm.data.sources.labels import read_labels
from ecslm.data.sources.reading import SUFFIXES, data_files, file_name

log = logging.getLogger(__name__)

COMMIT = re.compile("[0-9a-f]{40}")


def open_rows(source: HubData, cache: Path) -> IndexedRows:
    """The rows of all files; the release has one physical split, `train`, whatever its rows say.

    `datasets` finds and fetches the files, and keeps them in its own cache. It would read a JSON
    list as a whole, several times its size in memory, so the rows are read from the index.

    Raises:
        InputError: the data set or its revision cannot be had, or its files have another form.
    """
    where = f"data: {source.id} at {source.revision}"
    local = Path(source.id) if Path(source.id).is_dir() else None
    try:
        builder = load_dataset_builder(source.id, revision=source.revision)
        found = builder.config.data_files or {}
        origins = [str(origin) for files in found.values() for origin in files]
        fetched = DownloadManager().download(origins)
    except Exception as error:  # what the library raises depends on what the repository holds
        raise InputError(
            f"{where}: cannot be loaded ({' '.join(str(error).split())}): check the network, the "
            "id and the revision"
        ) from None
    problems = [
        f"{where}: {origin}: is none of {', '.join(SUFFIXES)}"
        for origin in origins
        if not origin.endswith(SUFFIXES)
    ]
    if local is not None:
        taken = {Path(origin).resolve() for origin in origins}
        problems += [
            f"{where}: {path}: is not in hub layout, so it would be left out: mend its name, or "
            "give the folder as `source: path`"
            for path in data_files(local)
            if path.resolve() not in taken
        ]
    if problems:
        raise InputError(*problems)
    if local is None and not COMMIT.fullmatch(source.revision):
        log.warning("%s: is no commit, and may change; read now: %s", where, ", ".join(origins))
    files = [
        DataFile(name=file_name(path, local.absolute()) if local else origin, path=path)
        for origin, path in zip(origins, map(Path, fetched), strict=True)
    ]
    return IndexedRows(read_index(files, cache, defaults={}))


def labels(source: HubData) -> list[list[str]] | None:
    """The labels of the ranking rows, if the configuration names a file."""
    return None if source.labels is None else read_labels(source.labels)
