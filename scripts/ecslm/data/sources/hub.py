"""Rows of a data set of the Hugging Face hub, at a pinned revision."""

import logging
import re
from functools import partial
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.hashing import changed_while_read, sha256_of_file
from ecslm.data.settings import HubData
from ecslm.data.sources.files import SUFFIXES, DataFile, data_files, file_name
from ecslm.data.sources.index import IndexedRows, cached_rows, read_index
from ecslm.data.sources.labels import read_labels
from ecslm.data.sources.protocol import IsCurrent, RawRows, outdated

log = logging.getLogger(__name__)

COMMIT = re.compile("[0-9a-f]{40}")


def open_rows(source: HubData, cache: Path, _is_current: IsCurrent = outdated) -> IndexedRows:
    """The rows of all files; the release has one physical split, `train`, whatever its rows say.

    `datasets` finds and fetches the files, and keeps them in its own cache. It would read a JSON
    list as a whole, several times its size in memory, so the rows are read from the index. If
    there is an index of the same commit or the same local files, `datasets`, which takes two
    seconds to import, is not needed.

    Raises:
        InputError: the data set or its revision cannot be loaded, or its files have another format.
    """
    labels = None if source.labels is None else read_labels(source.labels)
    local = _local(source)
    origin = ["hub", str(local or source.id), source.revision]
    identity = source_digests(source)
    cached = cached_rows(
        cache, origin, lambda rows: _matches_source(rows, source, local), labels, identity
    )
    if cached is not None:
        return cached
    rows = read_index(_fetched(source, local), cache, origin, {}, labels, identity)
    if local is not None and not _matches_source(rows, source, local):
        raise changed_while_read([source.id])
    return rows


def is_indexed(source: HubData, cache: Path) -> bool:
    """Whether `open_rows` finds the rows here, and so asks the hub for nothing."""
    if _local(source) is not None:
        return True
    # As in `open_rows`, which jobs run: if that changed, their results would be built again.
    origin = ["hub", source.id, source.revision]
    is_current = partial(_matches_source, source=source, local=None)
    return cached_rows(cache, origin, is_current, labels=None) is not None


def source_digests(source: HubData) -> list[str]:
    """What identifies the data set: its revision, and the files of a local directory.

    Raises:
        InputError: the directory has files in other formats.
    """
    local = _local(source)
    if local is None:
        return [source.revision]
    return [source.revision, *(digest for _, digest in sorted(_files(local).items()))]


def _local(source: HubData) -> Path | None:
    """The directory that a source is; None for a data set of the hub."""
    return Path(source.id).absolute() if Path(source.id).is_dir() else None


def _files(local: Path) -> dict[str, str]:
    """sha256 of each file of a local directory by its name."""
    return {file_name(path, local): sha256_of_file(path) for path in data_files(local)}


def _matches_source(rows: RawRows, source: HubData, local: Path | None) -> bool:
    """Whether an index has the current content of the data set."""
    if local is None:
        return COMMIT.fullmatch(source.revision) is not None
    return rows.files == _files(local)


def _fetched(source: HubData, local: Path | None) -> list[DataFile]:
    """The files of the data set."""
    # Imported here, since it is not needed where there is an index.
    from datasets import DownloadManager, load_dataset_builder

    where = f"data: {source.id} at {source.revision}"
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
        f"{where}: {origin}: not one of {', '.join(SUFFIXES)}"
        for origin in origins
        if not origin.endswith(SUFFIXES)
    ]
    if local is not None:
        taken = {Path(origin).resolve() for origin in origins}
        problems += [
            f"{where}: {path}: not in hub layout, so it would be left out: rename it, or give the "
            "directory as `source: path`"
            for path in data_files(local)
            if path.resolve() not in taken
        ]
    if problems:
        raise InputError(*problems)
    if local is None and not COMMIT.fullmatch(source.revision):
        log.warning("%s: not a commit, so it may change; read from %s", where, ", ".join(origins))
    return [
        DataFile(name=file_name(path, local) if local else origin, path=path)
        for origin, path in zip(origins, map(Path, fetched), strict=True)
    ]
