"""Reading CSV files with required columns."""

import csv
from collections import Counter
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_text


def read_csv(path: Path, columns: tuple[str, ...], *keys: tuple[str, ...]) -> list[dict[str, str]]:
    """Read the rows of a CSV file, which must have `columns`.

    Args:
        keys: columns whose values, those of each key together, name a row, if it has any.

    Raises:
        InputError: the file or a column is missing, a column is there twice, a row has too few or
            too many fields, or the name of an earlier one.
    """
    reader = csv.DictReader(read_text(path).splitlines())
    found = reader.fieldnames or ()
    missing = [column for column in columns if column not in found]
    if missing:
        raise InputError(f"{path}: line 1: missing columns: {', '.join(missing)}")
    repeated = [column for column, count in Counter(found).items() if count > 1]
    if repeated:
        raise InputError(f"{path}: line 1: duplicate columns: {', '.join(repeated)}")
    rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {number}: not the same number of fields as the header")
    for key in keys:
        # Without a name a row has none.
        names = [tuple(row[column] for column in key) for row in rows]
        for line, name in enumerate(names, start=2):
            if any(name) and name in names[: line - 2]:
                told = f"{', '.join(name)}: duplicates an earlier line"
                raise InputError(f"{path}: line {line}: {told}")
    return rows
