"""Looks at a user's records: their tasks, the kind of answer to each, how many and how long."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems, RowError
from ecslm.data.row_checks import check_input, check_output
from ecslm.data.rows import check_columns, data_files, read_rows
from ecslm.schemas.fields import is_nothing, is_writable, parse_options
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import Answer, InputForm, has_example

NEEDED = ("task", "instruction", "input", "output")
EXAMPLE = (
    '{"task": "Fraud", "instruction": "Is this return fraudulent? Answer yes or no.", '
    '"input": "Third return this month, the tag is missing", "output": "yes"}'
)
# More than this means that the column `task` has another meaning.
MOST_TASKS = 30
# Texts that are so few, so short and so frequent are labels: one of them is right, or wrong.
MOST_LABELS, LONGEST_LABEL, LEAST_OF_A_LABEL = 12, 40, 5
# Of a task's records, so many must fit a kind of answer: a few may be wrong, which is told later.
FITTING = 0.8


@dataclass
class Seen:
    """The records of a task, by its code or else its name in the data: counts and lengths."""

    name: str
    records: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    settings: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    """How often each output occurs."""
    options: Counter[tuple[str, ...]] = field(default_factory=Counter)
    fits: Counter[Answer] = field(default_factory=Counter)
    objects: int = 0
    """Records whose input is a JSON object."""
    characters: int = 0
    """Characters of all records, answers included."""
    longest: int = 0
    """Characters of the longest record, its answer included."""
    longest_output: int = 0
    """Characters of the longest answer."""

    def add(self, row: Mapping[str, Any], split: str) -> None:
        """Count a record."""
        instruction, text, output = (
            value if isinstance(value := row.get(name), str) else ""
            for name in ("instruction", "input", "output")
        )
        self.records += 1
        self.splits[split] += 1
        setting = row.get("setting")
        self.settings[setting if isinstance(setting, str) else DEFAULT_SETTING] += 1
        self.answers[output] += 1
        if options := _options(row):
            self.options[tuple(options)] += 1
        for answer in ("yes_no", "choice", "extraction", "ranking"):
            # Letter case is reported later.
            given = output.strip().lower() if answer == "yes_no" else output
            fits = _fits(check_output, given, options or None, answer)
            if answer == "ranking":
                fits = fits and _fits(check_input, text, "object", answer, output)
            self.fits[answer] += fits
        self.objects += _fits(check_input, text, "object", "yes_no", "")
        self.longest_output = max(self.longest_output, len(output))
        length = len(instruction) + len(text) + sum(map(len, options)) + len(output)
        self.longest = max(self.longest, length)
        self.characters += length

    @property
    def answer(self) -> Answer:
        """The kind of answer that its records have."""
        if self.options.total() >= FITTING * self.records:
            return "choice"
        kinds: tuple[Answer, ...] = ("yes_no", "extraction", "ranking")
        fitting = (kind for kind in kinds if self.fits[kind] >= FITTING * self.records)
        return next(fitting, "generation")

    @property
    def labels(self) -> list[str]:
        """The answers in order, if they are texts but might be options; else none."""
        few = len(self.answers) <= min(MOST_LABELS, self.records / LEAST_OF_A_LABEL)
        if self.answer != "generation" or not few or self.longest_output > LONGEST_LABEL:
            return []
        return sorted(self.answers)

    @property
    def input(self) -> InputForm:
        """The form of its inputs."""
        return "object" if self.objects == self.records else "text"


def look_at(path: Path, codes: Mapping[str, str]) -> tuple[list[Seen], bool]:
    """The tasks of a file, or of all files of a folder, and whether records say their split.

    Args:
        codes: of the project's tasks, by each name that the data may use for them.

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
                _check_first(row, where)
                said = "split" in row
            task = row.get("task")
            # Rows without one are told with all others that cannot be used.
            if isinstance(task, str) and is_writable(task):
                task = codes.get(task, task)
                if task not in seen and len(seen) == MOST_TASKS:
                    raise InputError(
                        f"{where}: more than {MOST_TASKS} different values of `task`: it "
                        "must be the name of the question that a record belongs to"
                    )
                seen.setdefault(task, Seen(task)).add(row, str(row.get("split", "test")))
        if not seen:
            problems.raise_unless(())
            raise InputError(
                f"{name}: has no records: write one JSON object per line, as {EXAMPLE}"
            )
    return list(seen.values()), said


def _check_first(row: Mapping[str, Any], where: str) -> None:
    if missing := [name for name in NEEDED if name not in row]:
        raise InputError(
            f"{where}: has no {', '.join(missing)}: each record needs {', '.join(NEEDED)}, "
            f"as {EXAMPLE}"
        )


def _options(row: Mapping[str, Any]) -> list[str]:
    """The options of a row; those that cannot be read are told later."""
    value = row.get("options")
    try:
        return [] if is_nothing(value) else parse_options(value) or []
    except ValueError:
        return []


def _fits(check: Callable[..., object], *values: Any) -> bool:
    """Whether a check of a row's values passes."""
    try:
        check(*values)
    except RowError:
        return False
    return True


def evaluated(tasks: list[Seen]) -> list[str]:
    """The settings of the records, the most frequent first; those with an example are left out."""
    counted: Counter[str] = Counter()
    for task in tasks:
        counted.update(task.settings)
    return [setting for setting, _ in counted.most_common() if not has_example(setting)]
