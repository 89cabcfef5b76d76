"""A user's table as records: CSV, TSV, Parquet or JSON, of which columns are named."""

import json
import string
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
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
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = len(string.ascii_uppercase), 80, 5


@dataclass(frozen=True)
class Columns:
    """What a user says of a table."""

    inputs: list[str]
    """The columns that a model is shown."""
    output: str
    question: str


def read_table(path: Path) -> pandas.DataFrame:
    """The cells of a table as texts; those without a value are empty. The index is the place.

    Raises:
        InputError: it cannot be read, or is a spreadsheet.
    """
    suffix = path.suffix.lower()
    if suffix in SPREADSHEETS:
        raise InputError(f"{path}: is a spreadsheet: save it as CSV, and name that file")
    if suffix in TABLES:
        content = path.read_bytes()
        if problem := encoding_problem(content):
            raise InputError(f"{path}: {problem}")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            # What programs on Windows write; it gives each byte a meaning.
            text = content.decode("cp1252", errors="replace")
        # Spreadsheets of some countries write `;` between columns.
        between = max(",;\t", key=text.partition("\n")[0].count)
        try:
            frame = pandas.read_csv(
                StringIO(text), dtype=str, sep=between, keep_default_na=False, na_filter=False
            )
        except ValueError as error:
            raise InputError(f"{path}: {' '.join(str(error).split())}: correct that line") from None
        if not isinstance(frame.index, pandas.RangeIndex):
            raise InputError(
                f"{path}: rows have more cells than the first line: put texts with {between!r} "
                "into quotes"
            )
    elif suffix == ".parquet":
        frame = pandas.read_parquet(path)
    else:
        problems = Problems()
        rows = [row for _, row in read_rows(path, str(path), problems)]
        problems.raise_unless(())
        frame = pandas.DataFrame(rows, dtype=object)
    frame.index = pandas.RangeIndex(1, len(frame) + 1)
    return frame.map(_as_text)


def _as_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    return "" if is_nothing(cell) or cell is pandas.NaT or cell is pandas.NA else str(cell)


def records_of(
    table: pandas.DataFrame, path: Path, columns: Columns
) -> tuple[list[dict[str, Any]], list[str]]:
    """A record for each row with a text and an answer, the task being the column of answers.

    Answers yes and no, however written, become that; few different ones become options.

    Returns:
        The records, and what a user should know of them.

    Raises:
        InputError: a column is not there, or no row has what is needed.
    """
    if absent := [name for name in (*columns.inputs, columns.output) if name not in table]:
        raise InputError(*(f"{path}: has no column {n}{nearest(n, table.columns)}" for n in absent))
    whole = (table[columns.inputs] != "").any(axis=1) & (table[columns.output] != "")
    rows, notes = table[whole], []
    if rows.empty:
        raise InputError(
            f"{path}: no row has both {', '.join(columns.inputs)} and {columns.output}"
        )
    if left := len(table) - len(rows):
        first = table.index[~whole][0]
        notes.append(
            f"Left out: {number_of(left, 'row')} without text or answer; first: row {first}."
        )
    several = len(columns.inputs) > 1
    parts = [f"{name}: " + rows[name] if several else rows[name] for name in columns.inputs]
    answers, shared = _answers(list(rows[columns.output]), columns.question)
    found = pandas.DataFrame(
        {"input": parts[0].str.cat(parts[1:], sep="\n"), "output": answers}, index=rows.index
    )
    disputed = found[found.groupby("input")["output"].transform("nunique") > 1]
    if len(disputed):
        notes.append(
            f"{number_of(disputed['input'].nunique(), 'text')} with different answers; first: row "
            f"{disputed.index[0]}."
        )
    return [{"task": columns.output, **shared, **row} for row in found.to_dict("records")], notes


def _answers(given: list[str], question: str) -> tuple[list[str], dict[str, Any]]:
    """Answers as a model gives them; what it is asked, with the options, if there are any."""
    folded = [answer.casefold() for answer in given]
    if set(folded) <= {*YES, *NO} and set(folded) & set(YES) and set(folded) & set(NO):
        asked = question if "yes or no" in question.lower() else f"{question} Answer yes or no."
        return ["yes" if one in YES else "no" for one in folded], {"instruction": asked}
    # Labels that differ in case alone are one, as it is written most often.
    spelt = {one.casefold(): one for one, _ in reversed(Counter(given).most_common())}
    few = 1 < len(spelt) <= min(MOST_LABELS, len(given) / LEAST_OF_A_LABEL)
    if not few or max(map(len, spelt)) > LONGEST_LABEL:
        return given, {"instruction": question}
    letters = dict(zip(sorted(spelt), string.ascii_uppercase, strict=False))
    options = [f"{letter}: {spelt[fold]}" for fold, letter in letters.items()]
    asked = f"{question} Answer with the letter of one option."
    return [letters[fold] for fold in folded], {"instruction": asked, "options": options}
