"""Looks at a user's records: their tasks, the kind of answer to each, how many and how long."""

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.text import shown
from ecslm.config.names import MOST_CHARACTERS
from ecslm.data.problems import Problems, RowError
from ecslm.data.row_checks import check_input, check_output
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.schemas.fields import is_writable, parse_object, parse_options
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import Answer, InputForm, has_example

NEEDED = ("task", "instruction", "input", "output")
# Of a task's records, so many must fit a kind of answer: a few may be wrong, which is told later.
FITTING = 0.8
# Texts that share so many of their pairs of words, numbers aside, have one wording.
ALIKE = 0.5
# Records whose wordings are compared.
MOST_COMPARED = 500
WORD = re.compile(r"[^\W\d]+|\d+")


@dataclass(frozen=True)
class Seen:
    """The records of a task, by its code or else its name in the data."""

    name: str
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many there are."""
        return len(self.rows)

    @cached_property
    def splits(self) -> Counter[str]:
        """How many are in each split; those that do not say theirs are test records."""
        return Counter(str(row.get("split", "test")) for row in self.rows)

    @cached_property
    def answers(self) -> Counter[str]:
        """How often each output occurs."""
        return Counter(_text(row, "output") for row in self.rows)

    @cached_property
    def options(self) -> Counter[tuple[str, ...]]:
        """How often each list of options occurs."""
        return Counter(found for row in self.rows if (found := tuple(_options(row))))

    @cached_property
    def lengths(self) -> list[int]:
        """Characters of each record, its answer included."""
        names = ("instruction", "input", "output")
        return [
            sum(len(_text(row, name)) for name in names) + sum(map(len, _options(row)))
            for row in self.rows
        ]

    @cached_property
    def answer(self) -> Answer:
        """The kind of answer that most of its records have."""
        if self.options.total() >= FITTING * self.records:
            return "choice"
        kinds: tuple[Answer, ...] = ("yes_no", "extraction", "ranking")
        return next((kind for kind in kinds if self._fits(kind)), "generation")

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

    @cached_property
    def objects(self) -> int:
        """Records whose input is a JSON object."""
        found = 0
        for row in self.rows:
            with suppress(ValueError):
                parse_object(_text(row, "input"))
                found += 1
        return found

    @property
    def input(self) -> InputForm:
        """The form of its inputs."""
        return "object" if self.objects == self.records else "text"

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
    seen: dict[str, Seen] = {}
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
            seen.setdefault(task, Seen(task)).rows.append(row)
        problems.raise_unless(())
        if not seen:
            raise InputError(f"{name}: has no records: {fix}")
    return list(seen.values()), said


def evaluated(tasks: list[Seen]) -> list[str]:
    """The settings of the records, the most frequent first; those with an example are left out."""
    counted = Counter(
        _text(row, "setting") or DEFAULT_SETTING for task in tasks for row in task.rows
    )
    return [setting for setting, _ in counted.most_common() if not has_example(setting)]
