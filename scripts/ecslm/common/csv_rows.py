"""Reading CSV files with required columns."""

import csv
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_text


def read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read the rows of a CSV file, which must have `columns`.

    Raises:
        InputError: the file or a column is missing, or a row has too few or too many fields.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path}: line 1: missing columns: {', '.join(missing)}")
    rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {number}: not the same number of fields as the header")
    return rows
