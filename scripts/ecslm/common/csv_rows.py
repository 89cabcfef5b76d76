"""CSV files whose columns are known."""

import csv
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_text


def read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file that must have `columns`.

    Raises:
        InputError: the file is missing, a column is missing, or a row has too few or many fields.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path}: line 1: no column {', '.join(missing)}")
    rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {number}: not as many fields as the header")
    return rows
