"""Heads of columns of scores, and the notes below a table: on the protocol, records and marks."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from statistics import median
from typing import TypeVar

from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.tables.inputs import ScoresEntry
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, Simple, percent_text
from ecslm.tables.scores import Measured
from ecslm.tables.settings import ModelContext

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


def task_head(
    task: str, detail: str, measured: Mapping[str, Measured], simple: Simple | None = None
) -> HeaderCell:
    """The head of a task's column, with its test records.

    Args:
        measured: what was measured, by row.
    """
    most = max((one.records for one in measured.values()), default=None)
    fewer = ((name, one.records) for name, one in measured.items() if one.records != most)
    return HeaderCell(task, task, detail, records=most, fewer=tuple(fewer), simple=simple)


def fewer_notes(columns: Iterable[HeaderCell]) -> list[str]:
    """The rows of a column that were measured on fewer records than the others."""
    found = grouped(
        ((column.text, records), row) for column in columns for row, records in column.fewer
    )
    return [
        f"{column}, {', '.join(rows)}: n = {records:,}."
        for (column, records), rows in sorted(found.items())
    ]


def constant_notes(named: Sequence[str], sign: str = "") -> list[str]:
    """Which scores are those of a constant, if any, each by its name and its answer in words."""
    least = percent_text(CONSTANT_SHARE, 0)
    told = (
        f"{sign}One and the same answer to {least} % of the records or more, so that the score is "
        f"that of a constant: {'; '.join(named)}."
    )
    return [told] if named else []


def limit_notes(shown: Sequence[str], models: Mapping[str, ModelContext]) -> list[str]:
    """How the answers of those models that are shown are limited, if they are not free."""
    names = grouped((models[name].limits, name) for name in shown)
    return [
        f"{', '.join(some)}: {limits}; by construction no answer is invalid."
        for limits, some in names.items()
        if limits is not None
    ]


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
    if not all(interval.reliable for interval in found):
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
    rows: Mapping[str, Iterable[Cell]], seeds: Mapping[str, int], entry: ScoresEntry
) -> list[str]:
    """Which rows are means over seeds, and how much seeds differ.

    Args:
        rows: their cells, by name.
        seeds: the number of seeds of each row that has several.
    """
    deviations = {
        name: found
        for name, cells in rows.items()
        if (found := [cell.sd for cell in cells if cell.sd is not None])
    }
    notes, with_intervals = [], entry.intervals != "none" and entry.spread == "interval"
    for count, names in sorted(grouped((seeds[name], name) for name in deviations).items()):
        spread = "with the standard deviation over them."
        if with_intervals or entry.intervals == "none":
            found = [one for name in names for one in deviations[name]]
            spread = (
                f"standard deviations over seeds {min(found):.3f} to {max(found):.3f}, median "
                f"{median(found):.3f}."
            )
        notes.append(f"{', '.join(names)}: mean over {count} seeds; {spread}")
    return [*notes, JOINT] if notes and with_intervals else notes


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """The values of each key, each once, in the order of the pairs."""
    found: dict[Key, dict[Value, None]] = {}
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in found.items()}


def in_tasks(found: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    """The tasks of each key, in words."""
    return {key: ", ".join(tasks) for key, tasks in grouped(found).items()}
