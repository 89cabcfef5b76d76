"""Begins a study of a user's records: makes them of a table, checks that a run can use them, and
writes its configuration, sized so that it ends in minutes on a CPU."""

import math
import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import NAME, InputError
from ecslm.common.files import write_jsonl, write_text
from ecslm.common.templates import render_template
from ecslm.common.text import number_of, shown
from ecslm.config.models import MOST_CHARACTERS, name_like
from ecslm.data.card import ANSWERS
from ecslm.data.checking import check_rows, task_names
from ecslm.data.problems import FIX
from ecslm.data.reports import Count, Report
from ecslm.data.settings import Shares
from ecslm.plan.inputs import source_of
from ecslm.plan.jobs import check_settings
from ecslm.plan.requests import CHARACTERS, TURNS
from ecslm.plan.study import Study
from ecslm.schemas.paths import SHARED
from ecslm.schemas.record import DEFAULT_SETTING, Split
from ecslm.schemas.task import METRICS, Answer, InputForm, TaskKind, TaskSettings
from ecslm.scoring.baselines import Baseline, applicable
from ecslm.starter.records import (
    NEEDED,
    SPREADSHEETS,
    TABLES,
    Columns,
    Row,
    Seen,
    evaluated,
    folded,
    look_at,
    read_table,
    records_of,
)

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
# The metrics of the kinds of answer; of choices among the same options another one.
METRIC_OF: Mapping[Answer, str] = {
    "yes_no": "binary_f1",
    "choice": "accuracy",
    "ranking": "ndcg",
    "extraction": "extraction_f1",
    "generation": "bert_f1",
}
SAME_OPTIONS = "macro_f1"


@dataclass(frozen=True)
class Task:
    """A task of the study."""

    code: str
    seen: Seen
    kind: TaskKind
    input: InputForm
    known: TaskSettings | None
    """Its entry in the project's registry, if it has one."""
    trains: bool

    @property
    def entry(self) -> dict[str, object]:
        """What the configuration must say of it."""
        ood = any(setting.startswith("OOD_") for setting in evaluated([self.seen]))
        if self.known is None:
            aliases = [] if self.seen.name == self.code else [self.seen.name]
            entry: dict[str, object] = {"title": self.seen.name, "aliases": aliases}
            entry |= {"answer": self.kind.answer, "input": self.input}
            entry |= {"metric": self.kind.metric, "ood": ood}
        else:
            entry = {} if self.input == self.known.input else {"input": self.input}
            entry |= {"ood": True} if ood and not self.known.ood else {}
        return entry if self.trains else entry | {"train": False}


@dataclass(frozen=True)
class Start:
    """A study to begin: what its configuration has."""

    name: str
    data: Path
    tasks: tuple[Task, ...]
    shares: Shares | None
    """By which records are divided; None if they say themselves for what they are."""
    settings: tuple[str, ...]
    """Those to test, the one to train on first."""
    tuned: bool
    """Whether a model is tuned."""
    train_fraction: float
    """The share of the training records that is used."""
    epochs: int
    """Passes over these."""
    max_length: int
    """Tokens that a record and its answer fit into, as far as the model can read."""
    max_new_tokens: int
    """A limit of answers that the longest of the records fits into."""
    baselines: list[Baseline]
    """The trivial baselines of its tasks, each once."""


def check_study_name(name: str, taken: Collection[str]) -> None:
    """Refuse a name that cannot be a study's: it becomes part of files and commands.

    Args:
        taken: studies that there are.

    Raises:
        InputError: it is taken, or cannot be the name of a file everywhere.
    """
    if not re.fullmatch(NAME, name) or len(name) > MOST_CHARACTERS:
        form = "letters without accents, digits, `-`, `_` and `.`, first a letter or a digit"
        problem = f"STUDY: {shown(name)} cannot be the name of a study"
        raise InputError(f"{problem}: use at most {MOST_CHARACTERS} {form}")
    if name in (*taken, *SHARED):
        raise InputError(f"STUDY: {name} is taken by this project: choose another name")


def begin_study(
    name: str, data: Path, columns: Columns | None, registry: Mapping[str, TaskSettings]
) -> tuple[Start, Report, list[str]]:
    """Write NAME.yaml, and NAME-records.jsonl if the records have to be made of a table.

    Args:
        columns: of the table; None if it has those of records.
        registry: the project's tasks.

    Returns:
        The study, what its records are, and what was assumed when they were made of a table.

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
        source, notes = data, list[str]()
        if columns or data.suffix.lower() in (*TABLES, *SPREADSHEETS):
            table = read_table(data)
            if columns:
                found, notes = records_of(table, data, columns)
            elif missing := [one for one in NEEDED if one not in table]:
                has = ", ".join(shown(one) for one in table)
                raise InputError(f"{data}: has no {', '.join(missing)}, but {has}: {fix}")
            else:
                found = table.to_dict("records")
            data = made
            write_jsonl(data, found)
        seen = look_at(data, task_names(registry), fix)
        rows = [_folded(one, one.name in registry, columns is not None) for one in seen]
        if rows != [one.rows for one in seen]:
            data = made
            write_jsonl(data, [row for of_task in rows for row in of_task])
            seen = [Seen(one.name, of_task) for one, of_task in zip(seen, rows, strict=True)]
        if data != source:
            count = number_of(sum(map(len, rows)), "record")
            notes.insert(0, f"Made of {source}: {count} in {data}.")
        start = plan_start(name, data, seen, registry)
        write_text(file, configuration(start))
        plan = Study.read([file], None)
        source_of(plan).check()
        # What a run would find.
        report = check_rows(source_of(plan).rows, check_settings(plan), None)
    except BaseException as error:
        for path in (file, made):
            path.unlink(missing_ok=True)
        if not isinstance(error, InputError):
            raise
        # That of a study that stays: its rows may be dropped.
        lines = [problem for problem in error.details if problem.kind != FIX]
        why = "these records cannot be used: correct or remove them first"
        raise InputError(*lines, *[why] * (len(lines) < len(error.details))) from None
    return start, report, notes


def _folded(task: Seen, known: bool, asked: bool) -> Sequence[Row]:
    """The rows of a task with yes and no as such, and with options where it has labels.

    Args:
        known: whether it is a task of the project.
        asked: whether the instruction is to say how to answer.
    """
    if task.answer == "choice":
        return task.rows
    answers, options = folded([str(row.get("output")) for row in task.rows])
    labels = bool(options) and task.answer == "generation" and not known
    if not labels and {*answers} - {"yes", "no"}:
        return task.rows
    more: dict[str, Any] = {"options": options} if labels else {}
    if asked:
        how = "with the letter of one option" if labels else "yes or no"
        more["instruction"] = f"{task.rows[0]['instruction']} Answer {how}."
    pairs = zip(task.rows, answers, strict=True)
    return [{**row, "output": answer, **more} for row, answer in pairs]


def plan_start(
    name: str, data: Path, seen: Sequence[Seen], registry: Mapping[str, TaskSettings]
) -> Start:
    """A study of records, in a file `data`.

    Args:
        registry: the project's tasks.

    Raises:
        InputError: there are too few records, or only for training.
    """
    divided = "split" in seen[0].rows[0]
    tasks: list[Task] = []
    for one in seen:
        known = registry.get(one.name)
        # No name that the data may use for a task of the project.
        taken = (*task_names(registry), *(task.code for task in tasks))
        code = one.name if known else name_like(one.name, taken, otherwise="Task")
        kind, form = _kind(one, known)
        tasks.append(Task(code, one, kind, form, known, not divided or one.splits["train"] > 0))
    shares = None if divided else _shares(data, seen)
    tuned = any(task.trains for task in tasks)
    # Of a pass over the training records, about as many.
    tokens = 0.0
    for one in seen:
        trained = one.records * (1 - shares.val - shares.test) if shares else one.splits["train"]
        tokens += trained * (sum(one.lengths) / one.records / CHARACTERS + TURNS)
    longest = max(max(one.lengths) for one in seen) / CHARACTERS + TURNS
    answers = [answer for one in seen for answer in one.answers]
    trivial = dict.fromkeys(name for task in tasks for name in applicable(task.kind))
    return Start(
        name,
        data,
        tuple(tasks),
        shares,
        settings=evaluated(seen),
        tuned=tuned,
        train_fraction=min(1.0, _rounded(MOST_TOKENS / max(tokens, 1))),
        epochs=max(1, min(MOST_EPOCHS, round(MOST_TOKENS / max(tokens, 1)))),
        max_length=next((length for length in LENGTHS if length >= longest), WINDOW),
        max_new_tokens=8 + round(max(map(len, answers)) / CHARACTERS),
        # One needs training records to count.
        baselines=[one for one in trivial if tuned or one != "majority"],
    )


def _kind(seen: Seen, known: TaskSettings | None) -> tuple[TaskKind, InputForm]:
    """The kind of a task's answers, and the form of its inputs."""
    # Inputs of the others have parts that answers are read by.
    if known is not None:
        any_text = known.answer in ("yes_no", "choice", "generation") and known.input == "object"
        return known.kind(), "text" if any_text and not seen.objects else known.input
    parsed = seen.answer in ("ranking", "extraction") or seen.objects == seen.records
    same = seen.answer == "choice" and len(seen.options) == 1
    metric = SAME_OPTIONS if same else METRIC_OF[seen.answer]
    return TaskKind(answer=seen.answer, metric=metric), "object" if parsed else "text"


def _shares(data: Path, seen: Sequence[Seen]) -> Shares:
    """How to divide records: enough to test, no more than a CPU answers in minutes."""
    different = {task.name: len({str(row.get("input")) for row in task.rows}) for task in seen}
    name, fewest = min(different.items(), key=itemgetter(1))
    if fewest < FEWEST:
        few = f"{name} has {number_of(fewest, 'different record')}, too few to train and test on"
        fix = f"bring at least {FEWEST}, better 200; or, to test alone, give all"
        raise InputError(f'{data}: {few}: {fix} records `"split": "test"`')
    every = sum(task.records for task in seen)
    val = max(min(0.1, MOST_WATCHED / every), min(0.25, 8 / fewest))
    return Shares(val=_rounded(val), test=_rounded(min(0.3, MOST_TESTED / every)))


def _rounded(share: float) -> float:
    return float(f"{share:.2g}")


def told(start: Start, report: Report, notes: Sequence[str], check: str) -> str:
    """What the records are, task by task, as the check of the data counts them; what was assumed;
    whether the study can run; and the commands that follow.

    Args:
        check: what is told of a run.
    """
    return _rendered(
        "begun.txt.jinja",
        start=start,
        tasks=[
            (one, _seen(one, start.shares, report.tasks.get(one.code, {}))) for one in start.tasks
        ],
        left_out=report.dropped,
        notes=notes,
        file=f"{start.name}.yaml",
        check=check,
        model=TUNED if start.tuned else BASE,
    )


def _seen(
    task: Task, shares: Shares | None, counts: Mapping[Split, Mapping[str, Count]]
) -> dict[str, object]:
    """What is told of a task beside its name."""
    # Where records differ in them, too many for `CLASSES`.
    options = {one[0]: one for same in task.seen.options for one in same}
    answers = [
        f"{count} {options.get(text, text)}" for text, count in task.seen.answers.most_common()
    ]
    if task.kind.answer not in ("yes_no", "choice") or len(answers) > CLASSES:
        answers = []
    numbers = {str(split): sum(n.records for n in each.values()) for split, each in counts.items()}
    compared, alike = task.seen.alike(shares)
    return {
        **numbers,
        "answer": ": ".join([ANSWERS[task.kind.answer], *filter(None, [", ".join(answers)])]),
        "compared": compared,
        "alike": len(alike),
        # As similar as most of them are.
        "examples": [shown(x, 140) for _, *both in alike[len(alike) // 2 :][:1] for x in both],
    }


def configuration(start: Start) -> str:
    """The text of the configuration file."""
    return _rendered(
        "study.yaml.jinja",
        start=start,
        base=BASE,
        tuned=TUNED,
        default_setting=DEFAULT_SETTING,
        threads=min(MOST_THREADS, os.cpu_count() or 1),
        generates=any(METRICS[task.kind.metric].bertscore for task in start.tasks),
        codes=[task.code for task in start.tasks],
        notes={
            "ood": " # whether there are records of another domain",
            "train": " # all of its records are for tests",
        },
    )


def _rendered(template: str, **values: object) -> str:
    """A template of `resources/starter` with these values."""
    return render_template(TEMPLATES / template, values, {"yaml": _as_yaml})


def _as_yaml(value: object) -> str:
    """A value in one line."""
    if isinstance(value, str) and not value.isprintable():
        return yaml.safe_dump(value, default_style='"', width=math.inf).strip()
    # As the item of a list, which also shows where quotes are needed.
    listed = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=math.inf)
    return listed.strip()[1:-1]
