"""A user's records, from a table or from files, with answers in the form that a task can have."""

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from io import StringIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import encoding_problem
from ecslm.common.text import nearest, number_of, one_line, shown
from ecslm.config.models import MOST_CHARACTERS, name_like
from ecslm.data.problems import Problems
from ecslm.data.records import TEXTS
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.schemas.fields import is_nothing, is_writable

NEEDED = ("task", *TEXTS)
SPREADSHEETS = (".xlsx", ".xlsm")
TABLES = (".csv", ".tsv", ".txt")
LISTS = (".parquet", ".json", ".jsonl", ".ndjson")
# What people write in a column of yes and no, in one case.
YES, NO = ("yes", "y", "true", "t", "1", "1.0"), ("no", "n", "false", "f", "0", "0.0")
# Answers that are few, short and frequent are labels: one of them is right, or wrong.
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = len(ascii_uppercase), 80, 5

Row = Mapping[str, Any]
# The place of a row in a table, and its cells.
Cells = tuple[str, list[str]]


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
    and notes of what was assumed.

    Args:
        columns: of a table; None if these are records.
        codes: of the project's tasks, by each name that the data may use for them.
        fix: what to do with a file without records in this form.

    Raises:
        InputError: a file cannot be read, or its rows are no records.
    """
    if columns:
        notes: list[str] = []
        # No name of the project's tasks, which are asked in a form of their own.
        name = columns.output[:MOST_CHARACTERS].strip()
        name = name_like(name, codes, "") if name in codes else name
        return {name: _of_table(path, columns, name, notes)}, notes
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


def _of_table(path: Path, columns: Columns, task: str, notes: list[str]) -> list[Row]:
    """A record for each row with a text and an answer, below that of the columns' names, above
    which there may be titles and other sheets.

    Args:
        notes: of what is assumed; it adds to them.

    Raises:
        InputError: the table cannot be read, a column is not there, a row has more cells than there
            are columns, or all answers are one.
    """
    if not (rows := _table(path, notes)):
        raise InputError(f"{path}: has no rows")
    wanted = [*columns.inputs, columns.output]
    # Of a table without these columns it is told which ones it has.
    fullest = max(rows, key=lambda row: len([*filter(None, row[1])]))
    head = next((row for row in rows if {*wanted} <= {*map(one_line, row[1])}), fullest)
    # Of which spreadsheets make several lines.
    where, names = head[0], [*map(one_line, head[1])]
    refuse(f"{path}: has no column {n}{nearest(n, names)}" for n in wanted if n not in names)
    twice = (name for name in wanted if names.count(name) > 1)
    refuse(f"{path}: has several columns {n}: rename all but one" for n in twice)
    if where not in ("", "line 1", "row 1"):
        notes.append(f"The columns are named in {where}.")
    records, left_out = list[Row](), list[str]()
    for place, row in rows[rows.index(head) + 1 :]:
        if not any(row) or place.rpartition(", ")[0] != where.rpartition(", ")[0]:
            continue
        if any(row[len(names) :]):
            told = "has more cells than there are columns: quote texts with separators"
            raise InputError(f"{path}: {place}: {told}")
        cells = dict(zip(names, row, strict=False))
        inputs = {name: cells.get(name, "") for name in columns.inputs}
        texts = [f"{name}: {x}" if len(inputs) > 1 else x for name, x in inputs.items()]
        if any(inputs.values()) and (answer := cells.get(columns.output)):
            asked = {"instruction": columns.question, "input": "\n".join(texts), "output": answer}
            records.append({"task": task, **asked})
        else:
            left_out.append(place)
    if len({record["output"] for record in records}) < 2:
        alike = f"{columns.output} has no two different answers in rows with a text"
        raise InputError(f"{path}: {alike}, so there is nothing to learn")
    count = number_of(len(left_out), "row")
    notes += [f"Left out: {count} without text or answer; first: {x}." for x in left_out[:1]]
    return records


def _table(path: Path, notes: list[str]) -> list[Cells]:
    """All rows of a table, also those of names, with the cells as texts; without a value they are
    empty."""
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return _separated(path, notes)
    if suffix in SPREADSHEETS:
        return _workbook(path)
    if suffix not in LISTS:
        formats = ", ".join((*TABLES, *SPREADSHEETS, *LISTS))
        raise InputError(f"{path}: not one of {formats}: save it as one of them")
    problems = Problems()
    found = list(read_rows(path, str(path), problems, whole=True))
    problems.raise_unless(())
    names = list(dict.fromkeys(name for _, row in found for name in row))
    rows = (
        (where.rpartition(": ")[2], [_as_text(row.get(x)) for x in names]) for where, row in found
    )
    return [("", names), *rows]


def _as_text(cell: Any) -> str:
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, datetime) and cell.time() == time():
        cell = cell.date()
    # Of texts "None" is one.
    return "" if not isinstance(cell, str) and is_nothing(cell) else str(cell).strip()


def _separated(path: Path, notes: list[str]) -> list[Cells]:
    """The rows of a table of texts between separators, each with its place."""
    content = path.read_bytes()
    if problem := encoding_problem(content):
        raise InputError(f"{path}: {problem}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            # What programs on Windows write.
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{path}: neither UTF-8 nor Windows-1252: save it as UTF-8") from None
        word = re.findall(r"\S*[^\0-\x7f]\S*", text)[0]
        notes.append(f"Read as Windows-1252, since it is not UTF-8; is it right? {word:.20}")
    # Spreadsheets of some countries write `;` between columns.
    between = max(",;\t", key=text.partition("\n")[0].count)
    # Otherwise a quote that is not closed would take all rows below it into its cell.
    reader = csv.reader(StringIO(text, newline=""), delimiter=between, strict=True)
    found, first = list[Cells](), 1
    try:
        for row in reader:
            found.append((f"line {first}", [*map(str.strip, row)]))
            first = reader.line_num + 1
    except csv.Error as problem:
        raise InputError(f"{path}: line {first}: {problem}") from None
    return found


def _workbook(path: Path) -> list[Cells]:
    """The rows of all sheets, each with its place."""
    # Imported here, since it takes half a second and other tables do not need it.
    import pandas

    try:
        form: dict[str, Any] = {"engine": "openpyxl", "dtype": object, "na_filter": False}
        sheets = pandas.read_excel(path, sheet_name=None, header=None, **form)
    except Exception as error:  # of many kinds, according to what the file is instead
        told = f"not a workbook ({one_line(error)}): save it as .xlsx or .csv"
        raise InputError(f"{path}: {told}") from None
    several = len(sheets) > 1
    return [
        (f"sheet {name}, " * several + f"row {number}", [*map(_as_text, row)])
        for name, sheet in sheets.items()
        for number, row in enumerate(sheet.to_numpy(), start=1)
    ]


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
