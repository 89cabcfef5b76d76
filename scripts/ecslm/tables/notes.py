"""Heads of columns of scores, and the notes below a table: on the protocol, records and marks."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, percent_text
from ecslm.tables.scores import Scored
from ecslm.tidy.study import ModelContext

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Hashable)

# A difference is marked if its adjusted p is below this level.
LEVEL = 0.05
# Scores are compared as they are shown.
SHOWN_DIGITS = 3

STRICT = (
    "Scores of our rows are under the strict protocol: every test record counts, "
    "and an answer that cannot be parsed is wrong."
)
JOINT = "The interval of a mean over seeds resamples test records and seeds."
RECORDS = "n: test records."
# By a mark of cells or rows.
OF_MARKS = {
    "below_simple": "\N{DOWNWARDS ARROW}: below the best simple baseline of the column.",
    "doubled": "†: printed as twice a recall, not an F1*; not comparable with the other values "
    "of its column, and never marked as best.",
    "other_data": "‡: published values, measured on other data; shown for scale only.",
    "significant": f"Bold: p adjusted by Holm's method is below {LEVEL}.",
}


def task_head(task: str, detail: str, scored: Scored) -> HeaderCell:
    """The head of a task's column, with its test records."""
    records = (one.records for (_, of), one in scored.items() if of == task)
    return HeaderCell(task, task, detail, records=max(records, default=None))


def fewer_notes(scored: Scored) -> list[str]:
    """The rows that were measured on fewer records than others of their column."""
    most: dict[str, int] = {}
    for (_, task), one in scored.items():
        most[task] = max(one.records, most.get(task, 0))
    return [
        f"{task}, {row}: n = {one.records:,}."
        for (row, task), one in scored.items()
        if one.records < most[task]
    ]


def constants(scored: Scored, models: Collection[str]) -> dict[tuple[str, str], str]:
    """Which scores of models are those of a constant, each with its answer in words."""
    return {
        (row, task): f"{task}, {row}: {one.constant}"
        for (row, task), one in scored.items()
        if one.constant and row in models
    }


def constant_notes(named: Iterable[str], sign: str = "") -> list[str]:
    """Which scores are those of a constant, if any, each by its name and its answer in words."""
    least, told = percent_text(CONSTANT_SHARE, 0), "; ".join(named)
    what = f"{sign}One and the same answer to {least} % of the records or more, so that the score"
    return [f"{what} is that of a constant: {told}."] if told else []


def limit_notes(shown: Sequence[str], models: Mapping[str, ModelContext]) -> list[str]:
    """How the answers of those models that are shown are limited, if they are not free; and by what
    program they are, if it is a server of the run."""
    told = grouped((remark, name) for name in shown for remark in models[name].remarks)
    return [f"{', '.join(names)}: {remark}" for remark, names in told.items()]


def competes(row: Row, competitors: Collection[str]) -> bool:
    """Whether a row takes part in the ranking of a column."""
    return row.name in competitors and "other_data" not in row.marks


def mark_notes(
    panels: Iterable[Panel], intervals: str, competitors: Collection[str] = ()
) -> list[str]:
    """An explanation of each mark that occurs.

    Args:
        intervals: where they stand; if nowhere, notes on them are left out.
        competitors: the rows among which the best is marked.
    """
    rows = [row for panel in panels for row in panel.rows]
    cells = [cell for row in rows for cell in row.cells]
    marks = {mark for row in rows for mark in row.marks}.union(*(cell.marks for cell in cells))
    found = [cell.interval for cell in cells if cell.interval and intervals != "none"]
    notes = ["In brackets: 95\N{NO-BREAK SPACE}% intervals."] if found else []
    # Judgements by an interval have the sign too.
    judged = any(cell.shown == f"{cell.value}*" for cell in cells)
    if judged or not all(interval.reliable for interval in found):
        why = "too few records, or too few that decide the score"
        notes.append(f"*: the interval may be too narrow: {why}.")
    if "best" in marks:
        *others, last = dict.fromkeys(row.name for row in rows if competes(row, competitors))
        second = "; underlined: second best" if "second" in marks else ""
        notes.append(f"Bold: best of {', '.join(others)} and {last}{second}.")
    notes += [note for mark, note in OF_MARKS.items() if mark in marks]
    if any(cell.value is None for cell in cells):
        notes.append("--: not reported, not measured or not defined.")
    return notes


def seed_notes(
    rows: Mapping[str, Iterable[Cell]], models: Mapping[str, ModelContext], intervals: str
) -> list[str]:
    """Which rows are means over seeds, and how much seeds differ.

    Args:
        rows: their cells, by name.
        intervals: where they stand; if nowhere, they are not explained.
    """
    deviations = {
        name: found
        for name, cells in rows.items()
        if (found := [cell.sd for cell in cells if cell.sd is not None])
    }
    notes = []
    by_count = grouped((len(models[name].seeds), name) for name in deviations)
    for count, names in sorted(by_count.items()):
        found = [one for name in names for one in deviations[name]]
        notes.append(
            f"{', '.join(names)}: mean over {count} seeds; standard deviations over seeds "
            f"{min(found):.3f} to {max(found):.3f}, median {median(found):.3f}."
        )
    return [*notes, JOINT] if notes and intervals != "none" else notes


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """The values of each key, each once, in the order of the pairs."""
    found: dict[Key, dict[Value, None]] = {}
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in found.items()}


def in_tasks(found: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    """The tasks of each key, in words."""
    return {key: ", ".join(tasks) for key, tasks in grouped(found).items()}


def with_tasks(found: Iterable[tuple[str, str]]) -> str:
    """Names, each with its tasks."""
    return "; ".join(f"{name} ({tasks})" for name, tasks in in_tasks(found).items())
