"""Rows of a data set of the Hugging Face hub, at a pinned revision."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import load_dataset
from datasets.exceptions import DatasetNotFoundError

from ecslm.files import InputError
from ecslm.records.label_file import read_labels
from ecslm.records.raw import COLUMNS, MOST_PROBLEMS
from ecslm.records.settings import HubData


def raw_rows(
    source: HubData, _task: str, names: frozenset[str], split: str, _cache: Path
) -> Iterator[dict[str, Any]]:
    """Rows of one task, under any of its names, and one split.

    The release has one physical split, `train`, whatever its rows say.

    Raises:
        InputError: the data set or its revision cannot be had.
    """
    try:
        rows = load_dataset(source.id, revision=source.revision, split="train")
    except (DatasetNotFoundError, OSError, ValueError) as error:
        raise InputError(
            f"data: {source.id} at {source.revision}: cannot be loaded "
            f"({' '.join(str(error).split())}): check the network, the id and the revision"
        ) from None
    unknown = [name for name in COLUMNS if name not in rows.features]
    if unknown:
        raise InputError(f"data: {source.id}: no column {', '.join(unknown)}")
    tasks, splits = rows["task"], rows["split"]
    kept = [i for i, task in enumerate(tasks) if task in names and splits[i] == split]
    broken = [
        f"data: {source.id}: row {number + 1}: no text in {', '.join(missing)}"
        for number, row in zip(kept, rows.select(kept), strict=True)
        if (missing := [name for name in COLUMNS if not isinstance(row[name], str)])
    ]
    if broken:
        raise InputError(*broken[:MOST_PROBLEMS])
    yield from rows.select(kept)


def labels(source: HubData) -> list[list[str]] | None:
    """The labels of the ranking rows, if the configuration names a file."""
    return None if source.labels is None else read_labels(source.labels)
