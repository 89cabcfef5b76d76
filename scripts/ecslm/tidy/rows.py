"""Rows of tidy tables: where they are, how they are read, and the settings of the jobs that write
them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet

from ecslm.common.manifests import verify_result
from ecslm.schemas.settings import JobSettings
from ecslm.tidy.study import StudyContext

# Types of columns that know missing values.
TEXT, NUMBER, COUNT, TRUTH = "string", "float64", "Int64", "boolean"
# A row by the names of columns; None is what is missing.
Row = dict[str, Any]


class TidySettings(JobSettings):
    """Everything except files that can change a tidy table."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    study: str
    """Name of the study."""
    context: StudyContext
    """Its data, tasks and models."""


def read_tidy(path: Path, **values: Collection[Any]) -> list[Row]:
    """The rows of a tidy table, in order.

    Args:
        values: those that rows must have, by the names of columns.

    Raises:
        InputError: the table was altered since it was made.
        OSError: it is missing.
    """
    verify_result(path)
    filters = [(name, "in", value) for name, value in values.items()] or None
    rows: list[Row] = pyarrow.parquet.read_table(path, filters=filters).to_pylist()
    return rows


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()
