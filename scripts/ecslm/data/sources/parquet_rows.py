"""Rows of a Parquet file, a batch at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.sources.columns import COLUMNS, check_columns
from ecslm.data.sources.protocol import Row

BATCH_ROWS = 1000


def parquet_rows(path: Path, name: str, advance: Callable[[int], object]) -> Iterator[Row]:
    """The rows of a Parquet file, with only the columns of the release.

    Args: see `reading.read_rows`.

    Raises:
        InputError: the file is not Parquet, or a column is misspelt or duplicate.
    """
    # Imported here, since other formats do not need it.
    from pyarrow import ArrowException, parquet

    number, size = 0, path.stat().st_size
    try:
        with parquet.ParquetFile(path) as file:
            names, total = file.schema_arrow.names, file.metadata.num_rows
            duplicates = sorted(column for column in COLUMNS if names.count(column) > 1)
            if duplicates:
                raise InputError(f"{name}: duplicate column {', '.join(duplicates)}")
            # Other columns may have types that JSON or this reader does not support.
            check_columns(names, name)
            columns = [column for column in COLUMNS if column in names]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
                advance(size * batch.num_rows // total)
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{name}: after row {number}: not Parquet ({text})") from None
