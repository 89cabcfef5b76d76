"""A user's table as records: CSV, TSV, Parquet or JSON, of which columns are named."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas

from ecslm.common.errors import InputError
from ecslm.common.files import encoding_problem
from ecslm.common.text import nearest, number_of
from ecslm.data.problems import Problems
from ecslm.data.rows import read_rows
from ecslm.schemas.fields import is_nothing

SPREADSHEETS = (".xlsx", ".xls", ".ods")
TABLES = (".csv", ".tsv", ".txt")
# What people write in a column of yes and no, in one case.
YES, NO = ("yes", "y", "true", "t", "1", "1.0"), ("no", "n", "false", "f", "0", "0.0")
# Answers that are few, short and frequent are labels: one of them is right, or wrong.
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = len(ascii_uppercase), 80, 5


@dataclass(frozen=True)
class Columns:
    """What a user says of a table: the columns that a model is shown, that of right answers, and
    what is asked."""

    inputs: list[str]
    output: str
    question: str


def read_table(path: Path) -> pandas.DataFrame:
    """The cells of a table as texts; those without a value are empty. Rows are counted from 1.

    Raises:
        InputError: it cannot be read, or is a spreadsheet.
    """
    suffix = path.suffix.lower()
    if suffix in SPREADSHEETS:
        raise InputError(f"{path}: is a spreadsheet: save it as CSV, and name that file")
    try:
        if suffix in TABLES:
            frame = _separated(path)
        elif suffix == ".parquet":
            frame = pandas.read_parquet(path)
        else:
            problems = Problems()
            rows = [row for _, row in read_rows(path, str(path), problems)]
            problems.raise_unless(())
            frame = pandas.DataFrame(rows, dtype=object)
    except (ValueError, OSError) as error:
        what = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{path}: cannot be read as a table: {what}") from None
    frame.index = pandas.RangeIndex(1, len(frame) + 1)
    return frame.map(_as_text)


def _separated(path: Path) -> pandas.DataFrame:
    """A table of texts between separators."""
    content = path.read_bytes()
    if problem := encoding_problem(content):
        raise InputError(f"{path}: {problem}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What programs on Windows write; it gives nearly each byte a meaning.
        text = content.decode("cp1252", errors="replace")
    # Spreadsheets of some countries write `;` between columns.
    between = max(",;\t", key=text.partition("\n")[0].count)
    frame = pandas.read_csv(StringIO(text), dtype=str, sep=between, na_filter=False)
    # Else its first cells were taken for names of rows.
    if not isinstance(frame.index, pandas.RangeIndex):
        raise ValueError(f"rows have more cells than the first line: quote texts with {between!r}")
    return frame


def _as_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    return "" if is_nothing(cell) or cell is pandas.NaT or cell is pandas.NA else str(cell)


def records_of(
    table: pandas.DataFrame, path: Path, columns: Columns
) -> tuple[list[dict[str, Any]], str]:
    """A record for each row with a text and an answer, the task being the column of answers.

    Returns:
        The records, and which rows were left out, if any.

    Raises:
        InputError: a column is not there, or no row has what is needed, or all answers are one.
    """
    if absent := [name for name in (*columns.inputs, columns.output) if name not in table]:
        raise InputError(*(f"{path}: has no column {n}{nearest(n, table.columns)}" for n in absent))
    whole = (table[columns.inputs] != "").any(axis=1) & (table[columns.output] != "")
    rows = table[whole]
    if rows[columns.output].nunique() < 2:
        raise InputError(
            f"{path}: {columns.output} has no two different answers in rows with a text, so there "
            "is nothing to learn"
        )
    several = len(columns.inputs) > 1
    parts = [f"{name}: " + rows[name] if several else rows[name] for name in columns.inputs]
    texts = parts[0].str.cat(parts[1:], sep="\n")
    records = [
        {"task": columns.output, "instruction": columns.question, "input": text, "output": answer}
        for text, answer in zip(texts, rows[columns.output], strict=True)
    ]
    if whole.all():
        return records, ""
    left = number_of(len(table) - len(rows), "row")
    return records, f"Left out: {left} without text or answer; first: row {table.index[~whole][0]}."


def folded(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Right answers in the form of a task, and the options that they are of, if any.

    Answers yes and no, however written, become that. A few different ones become options, those
    that differ in case alone as one.
    """
    plain = [answer.strip().casefold() for answer in given]
    if set(plain) <= {*YES, *NO} and len({answer in YES for answer in plain}) == 2:
        return ["yes" if answer in YES else "no" for answer in plain], []
    # As it is written most often.
    spelt = {one.strip().casefold(): one.strip() for one, _ in Counter(given).most_common()[::-1]}
    few = 1 < len(spelt) <= min(MOST_LABELS, len(given) / LEAST_OF_A_LABEL)
    if not few or max(map(len, spelt)) > LONGEST_LABEL:
        return list(given), []
    letters = dict(zip(sorted(spelt), ascii_uppercase, strict=False))
    return [letters[one] for one in plain], [f"{letters[one]}: {spelt[one]}" for one in letters]
