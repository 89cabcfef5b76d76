"""Looks at a user's records: their tasks, the kind of answer to each, how many and how long."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.text import shown
from ecslm.config.models import MOST_CHARACTERS
from ecslm.data.problems import Problems, RowError
from ecslm.data.row_checks import TEXTS, check_input, check_output
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.schemas.fields import is_writable, parse_object, parse_options
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import Answer, has_example

NEEDED = ("task", *TEXTS)
# Of a task's records, so many must fit a kind of answer: a few may be wrong, which is told later.
FITTING = 0.8
# Texts that share so many of their pairs of words, numbers aside, have one wording.
ALIKE = 0.5
# Records whose wordings are compared.
MOST_COMPARED = 500
WORD = re.compile(r"[^\W\d]+|\d+")


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

    def __init__(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.name, self.rows, self.records = name, rows, len(rows)
        self.splits = Counter(str(row.get("split", "test")) for row in rows)
        self.answers = Counter(_text(row, "output") for row in rows)
        lists = [tuple(_options(row)) for row in rows]
        self.options = Counter(filter(None, lists))
        self.lengths = [
            sum(len(_text(row, name)) for name in TEXTS) + sum(map(len, options))
            for row, options in zip(rows, lists, strict=True)
        ]
        self.objects = sum(map(_has_object, rows))
        kinds: tuple[Answer, ...] = ("yes_no", "extraction", "ranking")
        self.answer: Answer = next((kind for kind in kinds if self._fits(kind)), "generation")
        if self.options.total() >= FITTING * self.records:
            self.answer = "choice"

    def _fits(self, answer: Answer) -> bool:
        """Whether most records have such an answer; letter case is reported later."""
        fitting = 0
        for row in self.rows:
            text, output = _text(row, "input"), _text(row, "output")
            with suppress(RowError):
                check_output(output.strip().lower() if answer == "yes_no" else output, None, answer)
                if answer == "ranking":
                    check_input(text, "object", answer, output)
                fitting += 1
        return fitting >= FITTING * self.records

    def wordings(self) -> Counter[str]:
        """Kinds of inputs that differ in names and numbers alone: their first, and how many of the
        records that were compared, which are spread evenly."""
        known: dict[str, set[tuple[str, str]]] = {}
        found: Counter[str] = Counter()
        step = -(-self.records // MOST_COMPARED)
        for row in self.rows[::step]:
            text = _text(row, "input")
            words = ["0" if word.isdigit() else word for word in WORD.findall(text.casefold())]
            own = {*zip(["", *words], [*words, ""], strict=True)}
            alike = (one for one, pairs in known.items() if _similar(own, pairs) >= ALIKE)
            first = next(alike, text)
            known.setdefault(first, own)
            found[first] += 1
        return found


def _similar(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    return len(one & other) / len(one | other)


def _text(row: Mapping[str, Any], name: str) -> str:
    return value if isinstance(value := row.get(name), str) else ""


def _has_object(row: Mapping[str, Any]) -> bool:
    with suppress(ValueError):
        parse_object(_text(row, "input"))
        return True
    return False


def _options(row: Mapping[str, Any]) -> list[str]:
    """The options of a row; those that cannot be read are told later."""
    try:
        return parse_options(row.get("options")) or []
    except ValueError:
        return []


def look_at(path: Path, codes: Mapping[str, str], fix: str) -> tuple[list[Seen], bool]:
    """The tasks of a file, or of all files of a folder, and whether records say their split.

    Args:
        codes: of the project's tasks, by each name that the data may use for them.
        fix: what to do with a file without records in this form.

    Raises:
        InputError: a file cannot be read, or its rows are no records.
    """
    seen: dict[str, list[Mapping[str, Any]]] = {}
    said = False
    for name, file in data_files(path).items():
        problems = Problems()
        for where, row in read_rows(file, name, problems):
            if not seen:
                check_columns(sorted(row), where)
                if missing := [name for name in NEEDED if name not in row]:
                    raise InputError(f"{where}: has no {', '.join(missing)}: {fix}")
                said = "split" in row
            task = row.get("task")
            if not isinstance(task, str) or not is_writable(task):
                problems.add("missing_field", where, "no text in task")
                continue
            if len(task) > MOST_CHARACTERS:
                raise InputError(
                    f"{where}: task: {shown(task)} has {len(task):,} characters: the name of the "
                    f"question may have {MOST_CHARACTERS}"
                )
            task = codes.get(task, task)
            seen.setdefault(task, []).append(row)
        problems.raise_unless(())
        if not seen:
            raise InputError(f"{name}: has no records: {fix}")
    return [Seen(task, rows) for task, rows in seen.items()], said


def evaluated(tasks: list[Seen]) -> list[str]:
    """The settings of the records, the most frequent first; those with an example are left out."""
    counted = Counter(
        _text(row, "setting") or DEFAULT_SETTING for task in tasks for row in task.rows
    )
    return [setting for setting, _ in counted.most_common() if not has_example(setting)]
