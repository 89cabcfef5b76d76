"""Begins a study of records: makes them of a table, checks that a run can use them, and writes its
configuration."""

import math
import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecslm.common.errors import NAME, InputError
from ecslm.common.files import write_jsonl, write_text
from ecslm.common.text import number_of, shown
from ecslm.config.names import MOST_CHARACTERS
from ecslm.data.card.card import ANSWERS
from ecslm.data.checking import check_rows, task_names
from ecslm.data.problems import FIX
from ecslm.data.report import Count, Report
from ecslm.plan.jobs import check_settings
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import SHARED
from ecslm.schemas.record import Split
from ecslm.schemas.task import METRICS, TaskSettings
from ecslm.starter.records import NEEDED, Seen, look_at
from ecslm.starter.study import BASE, TUNED, Start, Task, configuration, plan_start, rendered
from ecslm.starter.table import SPREADSHEETS, TABLES, Columns, folded, read_table, records_of

# Kinds of answers of which each has a class, whose numbers are shown.
CLASSES = 6
# A share of right answers whose interval is told, and the normal quantile of 95 %.
SHARE, QUANTILE = 0.8, 1.96


def check_study_name(name: str, taken: Collection[str]) -> None:
    """Refuse a name that cannot be a study's: it becomes part of files and commands.

    Args:
        taken: studies that there are.

    Raises:
        InputError: it is taken, or cannot be the name of a file everywhere.
    """
    if not re.fullmatch(NAME, name) or len(name) > MOST_CHARACTERS:
        raise InputError(
            f"STUDY: {shown(name)} cannot be the name of a study: use at most {MOST_CHARACTERS} "
            "letters without accents, digits, `-`, `_` and `.`, the first one a letter or a digit"
        )
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
    written = [Path(f"{name}.yaml"), Path(f"{name}-records.jsonl")]
    for path in written:
        if os.path.lexists(path):
            raise InputError(f"{path}: exists, and is not overwritten: choose another STUDY")
    fix = (
        "name the columns of the text and of its answer, as in `make new "
        f'DATA={shlex.quote(str(data))} INPUT=text OUTPUT=urgent QUESTION="Is this urgent?"`'
    )
    if not data.exists():
        raise InputError(f"{data}: no such file: put your records there; then {fix}")
    notes: list[str] = []
    source, codes = data, task_names(registry)
    try:
        if columns or data.suffix.lower() in (*TABLES, *SPREADSHEETS):
            table = read_table(data)
            if columns:
                found, left = records_of(table, data, columns)
                notes += [left] if left else []
            elif missing := [one for one in NEEDED if one not in table]:
                has = ", ".join(shown(one) for one in table)
                raise InputError(f"{data}: has no {', '.join(missing)}, but {has}: {fix}")
            else:
                found = table.to_dict("records")
            data = written[1]
            write_jsonl(data, found)
        seen, divided = look_at(data, codes, fix)
        rows = [
            row
            for task in seen
            for row in _folded(task, task.name in registry, columns is not None)
        ]
        if rows != [row for task in seen for row in task.rows]:
            data = written[1]
            write_jsonl(data, rows)
            seen, divided = look_at(data, codes, fix)
        if data != source:
            notes.insert(0, f"Made of {source}: {number_of(len(rows), 'record')} in {data}.")
        start = plan_start(name, data, seen, divided, registry)
        write_text(written[0], configuration(start))
        plan = Study.read([written[0]], None)
        source_of(plan).check()
        # What a run would find.
        report = check_rows(source_of(plan).rows, check_settings(plan), None)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if not isinstance(error, InputError):
            raise
        # That of a study that stays: its rows may be dropped.
        lines = [problem for problem in error.details if problem.kind != FIX]
        told = "these records cannot be used: correct or remove them first"
        raise InputError(*lines, *[told] * (len(lines) < len(error.details))) from None
    return start, report, notes


def _folded(task: Seen, known: bool, asked: bool) -> Sequence[Mapping[str, Any]]:
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
    rows = [{**row, "output": answer} for row, answer in zip(task.rows, answers, strict=True)]
    more: dict[str, Any] = {"options": options} if labels else {}
    if asked:
        how = "with the letter of one option" if labels else "yes or no"
        more["instruction"] = f"{rows[0]['instruction']} Answer {how}."
    return [{**row, **more} for row in rows]


def told(start: Start, report: Report, notes: Sequence[str], check: str) -> str:
    """What the records are, task by task, as the check of the data counts them; what was assumed;
    whether the study can run; and the commands that follow.

    Args:
        check: what is told of a run.
    """
    return rendered(
        "begun.txt.jinja",
        start=start,
        tasks=[(task, _seen(task, report.tasks.get(task.code, {}))) for task in start.tasks],
        left_out=report.dropped,
        notes=notes,
        file=f"{start.name}.yaml",
        check=check,
        model=TUNED if start.tuned else BASE,
    )


def _seen(task: Task, counts: Mapping[Split, Mapping[str, Count]]) -> dict[str, object]:
    """What is told of a task beside its name."""
    # Where records differ in them, too many for `CLASSES`.
    options = {one[0]: one for same in task.seen.options for one in same}
    answers = [
        f"{count} {options.get(text, text)}" for text, count in task.seen.answers.most_common()
    ]
    if task.kind.answer not in ("yes_no", "choice") or len(answers) > CLASSES:
        answers = []
    tested = sum(count.records for count in counts.get("test", {}).values())
    # How well a share of right answers can be known, where a record is right or wrong.
    half = QUANTILE * math.sqrt(SHARE * (1 - SHARE) / max(tested, 1))
    wordings = task.seen.wordings()
    ((example, often),) = wordings.most_common(1)
    return {
        **{split: sum(one.records for one in each.values()) for split, each in counts.items()},
        "answer": ": ".join([ANSWERS[task.kind.answer], *filter(None, [", ".join(answers)])]),
        "within": half if METRICS[task.kind.metric].classes else None,
        "compared": wordings.total(),
        "wordings": len(wordings),
        "example": shown(example),
        "often": often,
    }
