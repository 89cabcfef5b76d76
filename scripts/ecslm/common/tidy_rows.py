"""Tidy tables in Parquet: typed columns, in which values may be missing.

The libraries are imported where they are used: to plan a run, which reads no table, they would take
as long as all else.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.manifests import verify_result

# Types of columns that know missing values.
TEXT, NUMBER, COUNT, TRUTH = "string", "float64", "Int64", "boolean"
# A row by the names of columns; None is what is missing.
TidyRow = dict[str, Any]


def tidy_frame(rows: Iterable[TidyRow], columns: Mapping[str, str]) -> Any:
    """Rows as a pandas.DataFrame. What a row lacks is missing.

    Args:
        columns: their types.
    """
    import pandas as pd

    return pd.DataFrame(list(rows), columns=[*columns]).astype(columns)


def read_tidy(path: Path, **values: Collection[Any]) -> list[TidyRow]:
    """The rows of a tidy table, in order.

    Args:
        values: those that rows must have, by the names of columns.

    Raises:
        InputError: the table was altered since it was made, or is damaged.
        OSError: it is missing.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile, read_table

    verify_result(path)
    filters = [(name, "in", value) for name, value in values.items()] or None
    try:
        # Without filters also without pandas, whose import takes as long as all else of a table.
        table = read_table(path, filters=filters) if filters else ParquetFile(path).read()
        return list(table.to_pylist())
    except ArrowException:
        raise InputError(f"{path}: is no Parquet file, or is damaged") from None
