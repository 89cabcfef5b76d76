"""A user's records, from a table or from files: their tasks, the kind of answer to each, how many
and how long."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas

from ecslm.common.errors import InputError
from ecslm.common.files import encoding_problem
from ecslm.common.text import nearest, number_of, shown
from ecslm.config.models import MOST_CHARACTERS
from ecslm.data import leakage
from ecslm.data.problems import Problems, RowError
from ecslm.data.records import TEXTS, check_input, check_output
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.data.settings import Shares
from ecslm.schemas.fields import is_nothing, is_writable, parse_object, parse_options
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import Answer, has_example

NEEDED = ("task", *TEXTS)
SPREADSHEETS = (".xlsx", ".xls", ".ods")
TABLES = (".csv", ".tsv", ".txt")
# What people write in a column of yes and no, in one case.
YES, NO = ("yes", "y", "true", "t", "1", "1.0"), ("no", "n", "false", "f", "0", "0.0")
# Answers that are few, short and frequent are labels: one of them is right, or wrong.
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = len(ascii_uppercase), 80, 5
# Of a task's records, so many must fit a kind of answer: a few may be wrong, which is told later.
FITTING = 0.8
# A text that shares so many of its runs of words with another one, numbers aside, is like it.
ALIKE = 0.5
# Of tests and of training records, so many are compared.
MOST_COMPARED = 5000
NUMBER = re.compile(r"\d+")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """What a user says of a table: the columns that a model is shown, that of right answers, and
    what is asked."""

    inputs: list[str]
    output: str
    question: str


class Seen:
    """The records of a task, by its code or else its name in the data.

    Attributes:
        splits: how many are in each split; those that do not say theirs are test records.
        answers: how often each output occurs.
        options: how often each list of options occurs.
        lengths: characters of each record, its answer included.
        objects: how many have a JSON object as input.
        answer: the kind of answer that most of them have.
    """

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        self.name, self.rows, self.records = name, rows, len(rows)
        self.splits = Counter(str(row.get("split", "test")) for row in rows)
        self.answers = Counter(_text(row, "output") for row in rows)
        lists = [tuple(_parsed(parse_options, row.get("options")) or ()) for row in rows]
        self.options = Counter(filter(None, lists))
        self.lengths = [
            sum(len(_text(row, name)) for name in TEXTS) + sum(map(len, options))
            for row, options in zip(rows, lists, strict=True)
        ]
        self.objects = sum(_parsed(parse_object, _text(row, "input")) is not None for row in rows)
        kinds: tuple[Answer, ...] = ("yes_no", "extraction", "ranking")
        self.answer: Answer = next((kind for kind in kinds if self._fits(kind)), "generation")
        if self.options.total() >= FITTING * self.records:
            self.answer = "choice"

    def _fits(self, answer: Answer) -> bool:
        """Whether most records have such an answer; letter case is reported later."""
        fitting = 0
        for row in self.rows:
            output = _text(row, "output")
            with suppress(RowError):
                check_output(output.strip().lower() if answer == "yes_no" else output, None, answer)
                if answer == "ranking":
                    check_input(_text(row, "input"), "object", answer, output)
                fitting += 1
        return fitting >= FITTING * self.records

    def alike(self, shares: Shares | None) -> tuple[int, list[tuple[float, str, str]]]:
        """How many test inputs were compared, and those that are like a training input, the most
        similar first: how similar, and both.

        Args:
            shares: by which records are divided; None if they say their split.
        """
        inputs: dict[str, dict[str, None]] = {"test": {}, "train": {}}
        for row in self.rows:
            split = shares.split_of(row) if shares else str(row.get("split"))
            inputs.setdefault(split, {})[_text(row, "input")] = None
        tests, trains = (
            list(inputs[split])[:: len(inputs[split]) // MOST_COMPARED + 1]
            for split in ("test", "train")
        )
        found = leakage.nearest(
            *([NUMBER.sub("0", text) for text in each] for each in (tests, trains))
        )
        both = zip(tests, found, strict=True)
        pairs = [(how, test, trains[at]) for test, (how, at) in both if how >= ALIKE]
        return len(tests), sorted(pairs, reverse=True)


def _text(row: Row, name: str) -> str:
    return value if isinstance(value := row.get(name), str) else ""


def _parsed(parse: Any, value: Any) -> Any:
    """What a field means; None if it cannot be read, which is told later."""
    with suppress(ValueError):
        return parse(value)
    return None


def look_at(path: Path, codes: Mapping[str, str], fix: str) -> list[Seen]:
    """The tasks of a file, or of all files of a folder.

    Args:
        codes: of the project's tasks, by each name that the data may use for them.
        fix: what to do with a file without records in this form.

    Raises:
        InputError: a file cannot be read, or its rows are no records.
    """
    seen: dict[str, list[Row]] = {}
    for name, file in data_files(path).items():
        problems = Problems()
        for where, row in read_rows(file, name, problems):
            if not seen:
                check_columns(sorted(row), where)
                if missing := [name for name in NEEDED if name not in row]:
                    raise InputError(f"{where}: has no {', '.join(missing)}: {fix}")
            task = row.get("task")
            if not isinstance(task, str) or not is_writable(task):
                problems.add("missing_field", where, "no text in task")
                continue
            if len(task) > MOST_CHARACTERS:
                long = f"task: {shown(task)} has {len(task):,} characters"
                raise InputError(f"{where}: {long}: it may have {MOST_CHARACTERS}")
            seen.setdefault(codes.get(task, task), []).append(row)
        problems.raise_unless(())
        if not seen:
            raise InputError(f"{name}: has no records: {fix}")
    return [Seen(task, rows) for task, rows in seen.items()]


def evaluated(tasks: Sequence[Seen]) -> tuple[str, ...]:
    """The settings of the records, the most frequent first; those with an example are left out."""
    rows = [row for task in tasks for row in task.rows]
    counted = Counter(_text(row, "setting") or DEFAULT_SETTING for row in rows)
    return tuple(setting for setting, _ in counted.most_common() if not has_example(setting))


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
) -> tuple[list[dict[str, Any]], list[str]]:
    """A record for each row with a text and an answer, the task being the column of answers.

    Returns:
        The records, and what is told of rows that were left out, if any.

    Raises:
        InputError: a column is not there, or no row has what is needed, or all answers are one.
    """
    if absent := [name for name in (*columns.inputs, columns.output) if name not in table]:
        raise InputError(*(f"{path}: has no column {n}{nearest(n, table.columns)}" for n in absent))
    whole = (table[columns.inputs] != "").any(axis=1) & (table[columns.output] != "")
    rows = table[whole]
    if rows[columns.output].nunique() < 2:
        alike = f"{columns.output} has no two different answers in rows with a text"
        raise InputError(f"{path}: {alike}, so there is nothing to learn")
    several = len(columns.inputs) > 1
    parts = [f"{name}: " + rows[name] if several else rows[name] for name in columns.inputs]
    texts = parts[0].str.cat(parts[1:], sep="\n")
    records = [
        {"task": columns.output, "instruction": columns.question, "input": text, "output": answer}
        for text, answer in zip(texts, rows[columns.output], strict=True)
    ]
    left = [
        f"Left out: {number_of(len(table) - len(rows), 'row')} without text or answer; first: "
        f"row {first}."
        for first in table.index[~whole][:1]
    ]
    return records, left


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
