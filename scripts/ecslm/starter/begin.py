"""Begins a study of records: checks that a run can use them, and composes its configuration."""

import os
import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.plain_words import NAME
from ecslm.common.text import shown
from ecslm.config.names import MOST_CHARACTERS
from ecslm.data.checking import check_rows, task_names
from ecslm.data.problems import FIX, Kind
from ecslm.data.report import Report
from ecslm.plan.jobs import check_settings
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import SHARED
from ecslm.schemas.task import TaskSettings
from ecslm.starter.records import EXAMPLE, look_at
from ecslm.starter.study import Start, configuration, plan_start
from ecslm.starter.words import as_json_lines

MOST_THREADS = 8
TABLES, SPREADSHEETS = (".csv", ".tsv"), (".xlsx", ".xls", ".ods")
# The problem of records that may be left out without a question.
DUPLICATE: Kind = "duplicate_record"


@dataclass(frozen=True)
class Begun:
    """A study that can be run: what it is, what its records are, and the text of its file."""

    start: Start
    report: Report
    text: str


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


def begin_study(name: str, data: Path, registry: Mapping[str, TaskSettings]) -> Begun:
    """Plan the study of some records; no file is written.

    Args:
        registry: the project's tasks.

    Raises:
        InputError: there are no such records, or they cannot be used for other reasons than that
            some are there twice.
    """
    start = _planned(name, data, registry)
    report = _checked(configuration(start), name)
    if DUPLICATE in report.problems:
        start = replace(start, tolerate=(DUPLICATE,))
    return Begun(start, report, configuration(start))


def _planned(name: str, data: Path, registry: Mapping[str, TaskSettings]) -> Start:
    if not data.exists():
        raise InputError(
            f"{data}: no such file: put your records there, or name their file with DATA=FILE; one "
            f"JSON object per line, as {EXAMPLE}"
        )
    suffix = data.suffix.lower()
    if suffix in SPREADSHEETS:
        raise InputError(f"{data}: is a spreadsheet: save it as CSV in UTF-8, and name that file")
    if suffix in TABLES:
        raise InputError(f"{data}: is a table: convert it by {as_json_lines(data)}")
    codes = task_names({code: task.aliases for code, task in registry.items()})
    seen, divided = look_at(data, codes)
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    return plan_start(name, data, seen, divided, registry, threads)


def _checked(text: str, study: str) -> Report:
    """What a run would find in the records, before there is a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{study}.yaml"
        file.write_text(text, encoding="utf-8")
        plan = Study.read([file], None)
    source_of(plan).check()
    settings = check_settings(plan)
    source = settings.source.model_copy(update={"tolerate": (DUPLICATE,)})
    settings = settings.model_copy(update={"source": source})
    try:
        return check_rows(source_of(plan).rows, settings, None)
    except InputError as error:
        # That of a study that there is: its rows may be dropped.
        lines = [problem for problem in error.details if problem.kind != FIX]
        told = "these records cannot be used: correct or remove them first"
        raise InputError(*lines, told) from None
