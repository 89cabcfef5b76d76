"""Begins a study of a user's records: makes them of a table, checks that a run can use them, and
writes its configuration, sized so that it ends in minutes on a CPU."""

import math
import os
import re
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import NAME, InputError
from ecslm.common.files import write_jsonl, write_text
from ecslm.common.templates import render_template
from ecslm.common.text import number_of, shown
from ecslm.config.models import MOST_CHARACTERS, name_like
from ecslm.data import leakage
from ecslm.data.card import ANSWERS
from ecslm.data.checking import check_rows, task_names
from ecslm.data.problems import FIX, RowError
from ecslm.data.records import TEXTS, check_input, check_output
from ecslm.data.reports import Report
from ecslm.data.settings import Shares
from ecslm.plan.inputs import source_of
from ecslm.plan.jobs import check_settings
from ecslm.plan.requests import CHARACTERS, TURNS
from ecslm.plan.study import Choice
from ecslm.schemas.fields import parse_object, parse_options
from ecslm.schemas.paths import SHARED
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import METRICS, Answer, TaskKind, TaskSettings, has_example
from ecslm.scoring.baselines import applicable
from ecslm.starter.records import Columns, Row, folded, read_records

TEMPLATES = Path(__file__).resolve().parents[3] / "resources/starter"
BASE = "SmolLM2-135M"
TUNED = f"{BASE}-tuned"
# Its window, in tokens.
WINDOW = 8192
LENGTHS = (512, 1024, 2048, 4096, WINDOW)
# Fewer records cannot be divided so that each part has some.
FEWEST = 30
# Records of the whole study at most, that are tested and that show how training goes.
MOST_TESTED, MOST_WATCHED = 400, 60
# Tokens of all passes of training: two cores without AMX take some minutes for them.
MOST_TOKENS = 60_000
MOST_EPOCHS = 3
MOST_THREADS = 8
# Kinds of answers of which each has a class, whose numbers are shown.
CLASSES = 6
# Characters of an example.
MOST_SHOWN = 134
# Of a task's records, so many must fit a kind of answer: a few may be wrong, which is told later.
FITTING = 0.8
# A text that shares so many of its runs of words with another one, numbers aside, is like it.
ALIKE = 0.5
NUMBER = re.compile(r"\d+")


class Task:
    """A task of the study, and what its records are.

    Attributes:
        code: its name in the study.
        name: that in the data, or its code in the project's registry.
        known: its entry there, if it has one.
        trains: whether it has records for training, or that do not say what they are for.
        options: how often each list of options occurs.
        kind: the kind of answer that most of them have.
        input: the form of their inputs.
    """

    def __init__(
        self, code: str, name: str, rows: Sequence[Row], known: TaskSettings | None = None
    ) -> None:
        self.code, self.name, self.rows, self.known = code, name, rows, known
        self.trains = any(row.get("split", "train") == "train" for row in rows)
        lists = [_parsed(parse_options, row.get("options")) for row in rows]
        self.options = Counter(map(tuple, filter(None, lists)))
        if known:
            self.kind, self.input = known.kind(), known.input
            return
        kinds: tuple[Answer, ...] = ("yes_no", "extraction", "ranking")
        answer: Answer = next((kind for kind in kinds if self._fits(kind)), "generation")
        if self.options.total() >= FITTING * len(rows):
            answer = "choice"
        metric = next(name for name, entry in METRICS.items() if entry.answer == answer)
        # Macro-F1 is of choices among the same options.
        metric = "accuracy" if answer == "choice" and len(self.options) > 1 else metric
        self.kind = TaskKind(answer=answer, metric=metric)
        objects = all(_parsed(parse_object, _text(row, "input")) is not None for row in rows)
        self.input = "object" if objects or answer in ("ranking", "extraction") else "text"

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
        return fitting >= FITTING * len(self.rows)

    @property
    def entry(self) -> dict[str, object]:
        """What the configuration must say of it."""
        entry: dict[str, object] = {}
        if self.known is None:
            aliases = [] if self.name == self.code else [self.name]
            entry = {"title": self.name, "aliases": aliases}
            entry |= {"answer": self.kind.answer, "input": self.input, "metric": self.kind.metric}
            entry["ood"] = any(setting.startswith("OOD_") for setting in evaluated(self.rows))
        return entry if self.trains else entry | {"train": False}

    def alike(self, shares: Shares | None) -> tuple[int, int, list[tuple[float, str, str]]]:
        """How many test inputs are training inputs too, how many were compared, and those that are
        like a training input, the most similar first: how similar, and both.

        Args:
            shares: by which records are divided; None if they say their split.
        """
        inputs: dict[str, dict[str, None]] = {"test": {}, "train": {}}
        for row in self.rows:
            split = shares.split_of(row) if shares else str(row.get("split"))
            inputs.setdefault(split, {})[_text(row, "input")] = None
        tests, trains = list(inputs["test"]), list(inputs["train"])
        found = leakage.nearest(*([NUMBER.sub("0", x) for x in each] for each in (tests, trains)))
        both = zip(tests, found, strict=True)
        pairs = [(how, test, trains[at]) for test, (how, at) in both if how >= ALIKE]
        same = inputs["test"].keys() & inputs["train"].keys()
        return len(same), len(tests), sorted(pairs, reverse=True)


def _text(row: Row, name: str) -> str:
    return value if isinstance(value := row.get(name), str) else ""


def _tokens(row: Row) -> float:
    """About as many as a record has, its answer included."""
    return sum(len(str(row.get(x) or "")) for x in (*TEXTS, "options")) / CHARACTERS + TURNS


def _parsed(parse: Any, value: Any) -> Any:
    """What a field means; None if it cannot be read, which is told later."""
    with suppress(ValueError):
        return parse(value)
    return None


def tasks_of(rows: Mapping[str, Sequence[Row]], registry: Mapping[str, TaskSettings]) -> list[Task]:
    """The tasks of records, by their code or else their name.

    Args:
        registry: the project's tasks.
    """
    tasks: list[Task] = []
    for name, of_task in rows.items():
        known = registry.get(name)
        # No name that the data may use for a task of the project.
        taken = (*task_names(registry), *(task.code for task in tasks))
        code = name if known else name_like(name, taken, otherwise="Task")
        tasks.append(Task(code, name, of_task, known))
    return tasks


def evaluated(rows: Sequence[Row]) -> tuple[str, ...]:
    """The settings of the records, the most frequent first; those with an example are left out."""
    counted = Counter(_text(row, "setting") or DEFAULT_SETTING for row in rows)
    return tuple(setting for setting, _ in counted.most_common() if not has_example(setting))


def check_study_name(name: str, taken: Collection[str]) -> None:
    """Refuse a name that cannot be a study's: it becomes part of files and commands.

    Args:
        taken: studies that there are.

    Raises:
        InputError: it is taken, or cannot be the name of a file everywhere.
    """
    if not re.fullmatch(NAME, name) or len(name) > MOST_CHARACTERS or name in (*taken, *SHARED):
        form = "letters without accents, digits, `-`, `_` and `.`, first a letter or a digit"
        problem = f"STUDY: {shown(name)} is taken, or cannot be the name of a study"
        raise InputError(f"{problem}: use at most {MOST_CHARACTERS} {form}")


def begin_study(
    name: str, data: Path, columns: Columns | None, registry: Mapping[str, TaskSettings]
) -> dict[str, Any]:
    """Write NAME.yaml, and NAME-records.jsonl if records have to be made of a table, or changed.

    Args:
        columns: of the table; None if `data` has records.
        registry: the project's tasks.

    Returns:
        The study (see `plan_start`), with a `report` of its records, and `notes` of what was
        assumed when they were made.

    Raises:
        InputError: a file exists, or there are no such records, or they cannot be used for other
            reasons than that some are there twice. No file is left then.
    """
    file, made = Path(f"{name}.yaml"), Path(f"{name}-records.jsonl")
    for path in (file, made):
        if os.path.lexists(path):
            raise InputError(f"{path}: exists, and is not overwritten: choose another STUDY")
    given = f'DATA={shlex.quote(str(data))} INPUT=text OUTPUT=urgent QUESTION="Is this urgent?"'
    fix = f"name the columns of the text and of its answer, as in `make new {given}`"
    if not data.exists():
        raise InputError(f"{data}: no such file: put your records there; then {fix}")
    try:
        seen, notes = read_records(data, columns, task_names(registry), fix)
        rows = {task.name: _folded(task, columns is not None) for task in tasks_of(seen, registry)}
        if columns or rows != seen:
            write_jsonl(made, [row for of_task in rows.values() for row in of_task])
            count = number_of(sum(map(len, rows.values())), "record")
            notes.insert(0, f"Made of {data}: {count} in {made}.")
            data = made
        start = plan_start(name, data, tasks_of(rows, registry))
        write_text(file, configuration(start))
        plan = Choice([file]).read()
        source_of(plan).check()
        # What a run would find.
        report = check_rows(source_of(plan).rows, check_settings(plan), None)
        return {**start, "report": report, "notes": notes}
    except BaseException as error:
        for path in (file, made):
            path.unlink(missing_ok=True)
        if not isinstance(error, InputError):
            raise
        # That of a study that stays: its rows may be dropped.
        lines = [problem for problem in error.details if problem.kind != FIX]
        why = "these records cannot be used: correct or remove them first"
        raise InputError(*lines, *[why] * (len(lines) < len(error.details))) from None


def _folded(task: Task, asked: bool) -> Sequence[Row]:
    """The rows of a task with yes and no as such, and with options where it has labels.

    Args:
        asked: whether the instruction is to say how to answer.
    """
    if task.kind.answer == "choice":
        return task.rows
    answers, options = folded([str(row.get("output")) for row in task.rows])
    labels = bool(options) and task.kind.answer == "generation" and not task.known
    if not labels and {*answers} - {"yes", "no"}:
        return task.rows
    more: dict[str, Any] = {"options": options} if labels else {}
    if asked:
        how = "with the letter of one option" if labels else "yes or no"
        more["instruction"] = f"{task.rows[0]['instruction']} Answer {how}."
    pairs = zip(task.rows, answers, strict=True)
    return [{**row, "output": answer, **more} for row, answer in pairs]


def plan_start(name: str, data: Path, tasks: Sequence[Task]) -> dict[str, Any]:
    """A study of the records in a file `data`: what the templates show of it. Among that are
    `shares`, by which records are divided, None if they say themselves for what they are;
    `settings`, those to test, the one to train on first; `train_fraction`, the share of training
    records that is used, in `epochs` passes; and `max_length` and `max_new_tokens`, which the
    longest record and answer fit into, as far as the model can read.

    Raises:
        InputError: there are too few records, or only for training.
    """
    shares = None if "split" in tasks[0].rows[0] else _shares(tasks)
    tuned = any(task.trains for task in tasks)
    rows = [row for task in tasks for row in task.rows]
    # Of a pass over the training records, about as many.
    trained = 1 - shares.val - shares.test if shares else 1
    learned = [row for row in rows if row.get("split", "train") == "train"]
    tokens = 1 + trained * sum(map(_tokens, learned))
    longest = max(map(_tokens, rows))
    answer = max(len(_text(row, "output")) for row in rows)
    trivial = dict.fromkeys(name for task in tasks for name in applicable(task.kind))
    return {
        "name": name,
        "data": data,
        "tasks": tasks,
        "shares": shares,
        "settings": evaluated(rows),
        "tuned": tuned,
        "train_fraction": min(1.0, _rounded(MOST_TOKENS / tokens)),
        "epochs": max(1, min(MOST_EPOCHS, round(MOST_TOKENS / tokens))),
        "max_length": next((length for length in LENGTHS if length >= longest), WINDOW),
        "max_new_tokens": 8 + round(answer / CHARACTERS),
        # One needs training records to count.
        "baselines": [one for one in trivial if tuned or one != "majority"],
    }


def _shares(tasks: Sequence[Task]) -> Shares:
    """How to divide records: enough to test, no more than a CPU answers in minutes."""
    different = {task.name: len({_text(row, "input") for row in task.rows}) for task in tasks}
    name = min(different, key=different.__getitem__)
    if (fewest := different[name]) < FEWEST:
        few = f"{name} has {number_of(fewest, 'different record')}, too few to train and test on"
        fix = f"bring at least {FEWEST}, better 200; or, to test alone, give all"
        raise InputError(f'{few}: {fix} records `"split": "test"`')
    every = sum(len(task.rows) for task in tasks)
    val = max(min(0.1, MOST_WATCHED / every), min(0.25, 8 / fewest))
    return Shares(val=_rounded(val), test=_rounded(min(0.3, MOST_TESTED / every)))


def _rounded(share: float) -> float:
    return float(f"{share:.2g}")


def told(start: Mapping[str, Any], check: str) -> str:
    """What the records are, task by task, as the check of the data counts them; what was assumed;
    whether the study can run; and the commands that follow.

    Args:
        check: what is told of a run.
    """
    tasks = [(one, _seen(one, start["shares"], start["report"])) for one in start["tasks"]]
    return _rendered("begun.txt.jinja", start=start, tasks=tasks, check=check)


def _seen(task: Task, shares: Shares | None, report: Report) -> dict[str, object]:
    """What is told of a task beside its name."""
    # Where records differ in them, too many for `CLASSES`.
    options = {one[0]: one for same in task.options for one in same}
    counted = Counter(_text(row, "output") for row in task.rows).most_common()
    answers = ", ".join(f"{count} {options.get(text, text)}" for text, count in counted)
    few = task.kind.answer in ("yes_no", "choice") and len(counted) <= CLASSES
    which = answers if few else f"{len(counted):,} different"
    counts = report.tasks.get(task.code, {})
    same, compared, alike = task.alike(shares)
    return {
        **{split: sum(n.records for n in each.values()) for split, each in counts.items()},
        "answer": f"{ANSWERS[task.kind.answer]}: {which}",
        "same": same,
        "compared": compared,
        "alike": len(alike),
        # As similar as most of them are.
        "examples": [
            shown(x, MOST_SHOWN) for _, *both in alike[len(alike) // 2 :][:1] for x in both
        ],
    }


def configuration(start: Mapping[str, Any]) -> str:
    """The text of the configuration file."""
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    generates = any(METRICS[task.kind.metric].bertscore for task in start["tasks"])
    return _rendered("study.yaml.jinja", start=start, threads=threads, generates=generates)


def _rendered(template: str, **values: object) -> str:
    """A template of `resources/starter` with these values, and names that templates share."""
    values |= {"base": BASE, "tuned": TUNED, "default_setting": DEFAULT_SETTING}
    return render_template(TEMPLATES / template, values, {"yaml": _as_yaml})


def _as_yaml(value: object) -> str:
    """A value in one line."""
    if isinstance(value, str) and not value.isprintable():
        return yaml.safe_dump(value, default_style='"', width=math.inf).strip()
    # As the item of a list, which also shows where quotes are needed.
    listed = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=math.inf)
    return listed.strip()[1:-1]
