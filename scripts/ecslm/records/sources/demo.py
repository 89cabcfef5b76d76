"""Rows that the project generates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecslm.demo.generator import generate_rows, qpr_labels
from ecslm.records.settings import DemoData


def raw_rows(
    source: DemoData, task: str, _names: frozenset[str], split: str, _cache: Path
) -> Iterator[dict[str, Any]]:
    """Rows of one task, by its code, and one split."""
    return generate_rows(source, (task,), (split,))


def labels(source: DemoData) -> list[list[str]]:
    """The labels of the ranking rows."""
    return qpr_labels(source)
