"""A study's data source: where its rows are, and digests that tie results to them.

Settings say what a source contains, and results depend on that. Where its files are stands in
`--location` instead: results do not depend on it.
"""

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import RootModel

from ecslm.common.errors import InputError
from ecslm.common.files import Model, read_settings, validated_json
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.data.index import DEFAULTS, IndexedRows, index_of, kept_index
from ecslm.data.rows import SUFFIXES, data_files
from ecslm.data.settings import DataSource, HubData, PathData

log = logging.getLogger(__name__)

COMMIT = re.compile("[0-9a-f]{40}")


class _Object(RootModel[dict[str, Any]]):
    """Any JSON object."""


def json_object(text: str) -> dict[str, Any]:
    """A JSON object or `@file`, as the type of an option.

    Raises:
        InputError: it is none.
    """
    return read_settings(text, _Object).root


JsonObject = Annotated[dict[str, Any], json_object]


def location(source: DataSource) -> str:
    """The value of `--location`: where the files of a source are."""
    found: dict[str, Any] = {"path": source.path} if isinstance(source, PathData) else {}
    if (labels := source.labels) is not None:
        found["labels"] = {"path": labels.path} | ({"url": labels.url} if labels.url else {})
    return canonical_json(found)


def located(
    settings: Mapping[str, Any], location: Mapping[str, Any] | None, form: type[Model]
) -> Model:
    """The settings of `--settings`, and of `--location`, which is added to their `source`.

    Raises:
        InputError: an unknown key, or a value out of range.
    """
    source = settings.get("source")
    if location is not None and isinstance(source, dict):
        added = dict(location)
        # A job may take no labels.
        labels = added.pop("labels", {})
        if isinstance(source.get("labels"), dict):
            added["labels"] = source["labels"] | labels
        settings = {**settings, "source": source | added}
    return validated_json(form, canonical_json(settings), "--settings")


def local_path(source: DataSource) -> Path | None:
    """Where the files of a source are on this machine; None for a data set of the hub."""
    if isinstance(source, PathData):
        return Path(source.path)
    return Path(source.id) if Path(source.id).is_dir() else None


def open_rows(
    source: DataSource, cache: Path, is_current: Callable[[IndexedRows], bool] | None = None
) -> IndexedRows:
    """The rows of all files of a source.

    Those in the cache are taken if they are of the same commit of the hub, or of the same files.

    Args:
        cache: directory of all indexes.
        is_current: whether rows in the cache are the wanted ones, so that the source need not be
            read again: that takes a second or more, in each of many jobs.

    Raises:
        InputError: a file is missing or truncated, or has no rows, or changes while it is read; or
            the data set or its revision cannot be loaded.
    """
    folder, path = _folder(source, cache), local_path(source)
    found = kept_index(folder)
    if found is not None:
        # A tag of the hub may have moved.
        known = _is_pinned(source) if path is None else is_current and is_current(found)
        if known:
            return found
    if isinstance(source, HubData):
        return index_of(_fetched(source) if path is None else data_files(path), folder, {})
    return index_of(data_files(Path(source.path)), folder, DEFAULTS, source.split)


def is_indexed(source: HubData, cache: Path) -> bool:
    """Whether `open_rows` finds the rows here, and so asks the hub for nothing."""
    kept = _is_pinned(source) and kept_index(_folder(source, cache)) is not None
    return kept or local_path(source) is not None


def content_of(source: DataSource, digest: Callable[[], object], labels: str | None = None) -> str:
    """The digest of what a result is made from: the value of the option `--content`.

    Args:
        digest: of the rows. It is not called for a data set of the hub, which a plan does not
            fetch: its revision identifies all of its rows.
        labels: digest of the relevance labels, if the result uses them.
    """
    if isinstance(source, HubData) and local_path(source) is None:
        made_from: object = source.revision
    else:
        made_from = digest()
    return f"source:{sha256_of_text(canonical_json([made_from, labels]))[:32]}"


def planned_rows(
    source: DataSource,
    cache: Path,
    planned: str | None,
    digest: Callable[[IndexedRows], object],
    labels: str | None,
) -> IndexedRows:
    """The rows of a source that a run was planned with.

    Args:
        planned: the value of `--content`; None in a run by hand, which takes what is there.
        digest: of the rows that the result uses.
        labels: as in `content_of`.

    Raises:
        InputError: they are others; or as in `open_rows`.
    """

    def content(rows: IndexedRows) -> str:
        return content_of(source, lambda: digest(rows), labels)

    def is_current(rows: IndexedRows) -> bool:
        # The source of those with problems may have been fixed since.
        return planned == content(rows) and not rows.problems().lines(source.tolerate)

    rows = open_rows(source, cache, is_current)
    if planned not in (None, content(rows)):
        raise InputError(
            "--content: the data changed since the run was planned, or while they were read: "
            "run again"
        )
    return rows


def _folder(source: DataSource, cache: Path) -> Path:
    """The directory of a source's index, whatever the content of the source."""
    path = local_path(source)
    origin = source.model_dump(mode="json", include={"id", "revision", "split"})
    where = None if path is None else str(path.absolute())
    return cache / sha256_of_text(canonical_json([where, origin]))[:24]


def _is_pinned(source: DataSource) -> bool:
    """Whether the content of a source can never change."""
    if isinstance(source, PathData) or local_path(source) is not None:
        return False
    return COMMIT.fullmatch(source.revision) is not None


def _fetched(source: HubData) -> dict[str, Path]:
    """The files of a data set of the hub, which `datasets` finds and keeps in its own cache."""
    # Imported here, since it takes two seconds and is not needed where there is an index.
    from datasets import DownloadManager, load_dataset_builder

    where = f"data: {source.id} at {source.revision}"
    try:
        builder = load_dataset_builder(source.id, revision=source.revision)
        found = builder.config.data_files or {}
        origins = [str(origin) for files in found.values() for origin in files]
        paths = map(Path, DownloadManager().download(origins))
    except Exception as error:  # what the library raises depends on what the repository holds
        raise InputError(
            f"{where}: cannot be loaded ({' '.join(str(error).split())}): check the network, the "
            "id and the revision"
        ) from None
    if others := [origin for origin in origins if not origin.endswith(SUFFIXES)]:
        raise InputError(*(f"{where}: {one}: not one of {', '.join(SUFFIXES)}" for one in others))
    if not _is_pinned(source):
        log.warning("%s: not a commit, so it may change; read from %s", where, ", ".join(origins))
    return dict(zip(origins, paths, strict=True))
