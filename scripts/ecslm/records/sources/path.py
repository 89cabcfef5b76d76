"""Rows of a local file, from an index split by task and split."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecslm.records.index import indexed_rows, read_index
from ecslm.records.label_file import read_labels
from ecslm.records.settings import PathData


def raw_rows(
    source: PathData, _task: str, names: frozenset[str], split: str, cache: Path
) -> Iterator[dict[str, Any]]:
    """Rows of one task, under any of its names, and one split.

    Raises:
        InputError: the file is missing, truncated or not in the release's form.
    """
    index = read_index(Path(source.path), cache)
    for part in index.parts:
        if part.task in names and part.split == split:
            yield from indexed_rows(index, part)


def labels(source: PathData) -> list[list[str]] | None:
    """The labels of the ranking rows, if the configuration names a file."""
    return None if source.labels is None else read_labels(source.labels)
