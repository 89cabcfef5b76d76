"""A user's records, from a table or from files, with answers in the form that a task can have."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from pyarrow import ArrowException, parquet

from ecslm.common.errors import InputError
from ecslm.common.files import encoding_problem
from ecslm.common.text import nearest, number_of, shown
from ecslm.config.models import MOST_CHARACTERS
from ecslm.data.problems import Problems
from ecslm.data.records import TEXTS
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.schemas.fields import is_nothing, is_writable

NEEDED = ("task", *TEXTS)
SPREADSHEETS = (".xlsx", ".xls", ".ods")
TABLES = (".csv", ".tsv", ".txt")
# What people write in a column of yes and no, in one case.
YES, NO = ("yes", "y", "true", "t", "1", "1.0"), ("no", "n", "false", "f", "0", "0.0")
# Answers that are few, short and frequent are labels: one of them is right, or wrong.
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = len(ascii_uppercase), 80, 5

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """What a user says of a table: the columns that a model is shown, that of right answers, and
    what is asked."""

    inputs: list[str]
    output: str
    question: str


def read_records(
    path: Path, columns: Columns | None, codes: Mapping[str, str], fix: str
) -> tuple[dict[str, list[Row]], list[str]]:
    """The records of a file, or of all files of a folder, by their task: its code or else its name;
    and what is told of rows that were left out, if any.

    Args:
        columns: of a table; None if these are records.
        codes: of the project's tasks, by each name that the data may use for them.
        fix: what to do with a file without records in this form.

    Raises:
        InputError: a file cannot be read, or its rows are no records.
    """
    if columns:
        records, told = _of_table(_read_table(path), path, columns)
        return {columns.output: records}, told
    if path.suffix.lower() in (*TABLES, *SPREADSHEETS):
        raise InputError(f"{path}: is a table: {fix}")
    seen: dict[str, list[Row]] = {}
    for name, file in data_files(path).items():
        problems = Problems()
        for where, row in read_rows(file, name, problems):
            if not seen:
                check_columns(sorted(row), where)
                if missing := [name for name in NEEDED if name not in row]:
                    raise InputError(f"{where}: has no {', '.join(missing)}: {fix}")
            task = row["task"] if isinstance(row.get("task"), str) else ""
            if not task or len(task) > MOST_CHARACTERS or not is_writable(task):
                wanted = f"no text of at most {MOST_CHARACTERS} characters in task"
                problems.add("missing_field", where, f"{wanted}: {shown(task)}")
            else:
                seen.setdefault(codes.get(task, task), []).append(row)
        problems.raise_unless(())
        if not seen:
            raise InputError(f"{name}: has no records: {fix}")
    return seen, []


def _read_table(path: Path) -> list[dict[str, str]]:
    """The cells of a table as texts; those without a value are empty.

    Raises:
        InputError: it cannot be read, or is a spreadsheet.
    """
    suffix = path.suffix.lower()
    if suffix in SPREADSHEETS:
        raise InputError(f"{path}: is a spreadsheet: save it as CSV, and name that file")
    if suffix in TABLES:
        return _separated(path)
    if suffix == ".parquet":
        try:
            rows = parquet.read_table(path).to_pylist()
        except ArrowException as error:
            raise InputError(f"{path}: not Parquet ({' '.join(str(error).split())})") from None
    else:
        problems = Problems()
        rows = [row for _, row in read_rows(path, str(path), problems)]
        problems.raise_unless(())
    return [{name: _as_text(cell) for name, cell in row.items()} for row in rows]


def _as_text(cell: Any) -> str:
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    # Of texts "None" is one.
    return "" if not isinstance(cell, str) and is_nothing(cell) else str(cell).strip()


def _separated(path: Path) -> list[dict[str, str]]:
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
    source = StringIO(text, newline="")
    # Otherwise a quote that is not closed would take all rows below it into its cell.
    reader = csv.DictReader(source, delimiter=between, restval="", strict=True)
    found = []
    try:
        for row in reader:
            if None in row:
                raise csv.Error(f"has more cells than the first: quote texts with {between!r}")
            found.append({name: cell.strip() for name, cell in row.items()})
    except csv.Error as problem:
        raise InputError(f"{path}: line {reader.line_num}: {problem}") from None
    return found


def _of_table(
    table: Sequence[Mapping[str, str]], path: Path, columns: Columns
) -> tuple[list[Row], list[str]]:
    """A record for each row with a text and an answer, the task being the column of answers.

    Returns:
        The records, and what is told of rows that were left out, if any.

    Raises:
        InputError: a column is not there, or all answers are one.
    """
    inputs, output = columns.inputs, columns.output
    names = dict.fromkeys(name for row in table for name in row)
    if not table:
        raise InputError(f"{path}: has no rows")
    if absent := [name for name in (*inputs, output) if name not in names]:
        raise InputError(*(f"{path}: has no column {n}{nearest(n, names)}" for n in absent))
    records: list[Row] = []
    left_out = []
    for number, row in enumerate(table, start=1):
        cells = {name: row.get(name, "") for name in inputs}
        text = "\n".join(f"{name}: {x}" if len(cells) > 1 else x for name, x in cells.items())
        if any(cells.values()) and (answer := row.get(output)):
            asked = {"instruction": columns.question, "input": text, "output": answer}
            records.append({"task": output, **asked})
        else:
            left_out.append(number)
    if len({record["output"] for record in records}) < 2:
        alike = f"{output} has no two different answers in rows with a text"
        raise InputError(f"{path}: {alike}, so there is nothing to learn")
    count = number_of(len(left_out), "row")
    told = [f"Left out: {count} without text or answer; first: row {x}." for x in left_out[:1]]
    return records, told


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
