"""Marks of the scores in a table, and the notes below it: on the protocol, records and marks."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, TypeVar

from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.tables.entry import ScoresEntry
from ecslm.tables.model import (
    MISSING,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    difference_text,
    percent_text,
)
from ecslm.tables.scores import Measured
from ecslm.tables.settings import ModelContext

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Hashable)

UNRELIABLE = "the interval may be too narrow: too few records, or too few that decide the score."

# A difference is marked if its adjusted p is below this level.
LEVEL = 0.05

STRICT = (
    "Scores of our rows are under the strict protocol: every test record counts, "
    "and an answer that cannot be parsed is wrong."
)

JOINT = "The interval of a mean over seeds resamples test records and seeds."

SHOWN_DIGITS = 3
# With two competitors, every cell would be best or second best.
FEWEST_FOR_SECOND = 3


def with_marks(
    groups: Sequence[RowGroup], columns: Sequence[HeaderCell], competitors: Collection[str]
) -> tuple[RowGroup, ...]:
    """The groups with `best` and `second` marked among the competitors of each column, and
    `below_simple` where a score is worse than the best simple baseline of the column.

    Scores count as they are shown: those that look equal share the mark. Cells marked `doubled` and
    rows of other data are not compared with any, and no baseline with the simple ones. A column
    with one competing value has no best, with two no second best, and a score that looks like 0 is
    neither.
    """
    competing = [row for one in groups for row in one.rows if competes(row, competitors)]
    ranks = []
    for at in range(len(columns)):
        values = [value for row in competing if (value := _comparable(row, at)) is not None]
        enough = (len(values) > 1) + (len(values) >= FEWEST_FOR_SECOND)
        ranked = zip(sorted(set(values), reverse=True), ("best", "second")[:enough], strict=False)
        ranks.append({value: mark for value, mark in ranked if value})

    def marks(row: Row, at: int) -> Iterator[str]:
        value, simple = _comparable(row, at), columns[at].simple
        if value is not None and competes(row, competitors) and value in ranks[at]:
            yield ranks[at][value]
        if value is not None and simple is not None and row.kind != "baseline":
            yield from ["below_simple"] * (value < round(simple.value, SHOWN_DIGITS))

    def marked(row: Row) -> Row:
        cells = enumerate(row.cells)
        both = (replace(cell, marks=(*cell.marks, *marks(row, at))) for at, cell in cells)
        return replace(row, cells=tuple(both))

    return tuple(replace(group, rows=tuple(map(marked, group.rows))) for group in groups)


def competes(row: Row, competitors: Collection[str]) -> bool:
    """Whether a row takes part in the ranking of a column."""
    return row.name in competitors and "other_data" not in row.marks


def _comparable(row: Row, at: int) -> float | None:
    """A cell's value as it is shown; None if it is not comparable with others."""
    cell = row.cells[at]
    other = {"other_data", "doubled"}.intersection((*row.marks, *cell.marks))
    if other or not isinstance(cell.value, int | float):
        return None
    return round(cell.value, SHOWN_DIGITS)


def constant_notes(named: Sequence[str], sign: str = "") -> list[str]:
    """Which scores are those of a constant, if any, each by its name and its answer in words."""
    if not named:
        return []
    least = percent_text(CONSTANT_SHARE, 0)
    return [
        f"{sign}One and the same answer to {least} % of the records or more, so that the score is "
        f"that of a constant: {'; '.join(named)}."
    ]


def limit_notes(shown: Sequence[str], models: Mapping[str, ModelContext]) -> list[str]:
    """How the answers of those models that are shown are limited, if they are not free."""
    names = grouped((models[name].limits, name) for name in shown)
    return [
        f"{', '.join(some)}: {limits}; by construction no answer is invalid."
        for limits, some in names.items()
        if limits is not None
    ]


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """The values of each key, each once, in the order of the pairs."""
    found: dict[Key, dict[Value, None]] = {}
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in found.items()}


def in_tasks(found: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    """The tasks of each key, in words."""
    return {key: ", ".join(tasks) for key, tasks in grouped(found).items()}


def mark_notes(
    panels: Iterable[Panel], competitors: Collection[str] = (), with_intervals: bool = True
) -> list[str]:
    """An explanation of each mark that occurs.

    `competitors` are the rows among which the best is marked. Without intervals, notes on them are
    left out.
    """
    rows = [row for panel in panels for row in panel.rows]
    cells = [cell for row in rows for cell in row.cells]
    marks = {mark for cell in cells for mark in cell.marks}
    intervals = [cell.interval for cell in cells if cell.interval and with_intervals]
    notes = ["In brackets: 95\N{NO-BREAK SPACE}% intervals."] if intervals else []
    if not all(interval.reliable for interval in intervals):
        notes.append(f"*: {UNRELIABLE}")
    if "best" in marks:
        competing = [row.name for row in rows if competes(row, competitors)]
        second = "; underlined: second best" if "second" in marks else ""
        notes.append(f"Bold: best of {_listed(dict.fromkeys(competing))}{second}.")
    if "below_simple" in marks:
        notes.append("\N{DOWNWARDS ARROW}: below the best simple baseline of the column.")
    if "doubled" in marks:
        notes.append(
            "†: printed as twice a recall, not an F1*; not comparable with the other values "
            "of its column, and never marked as best."
        )
    if any("other_data" in row.marks for row in rows):
        notes.append("‡: published values, measured on other data; shown for scale only.")
    if "significant" in marks:
        notes.append(f"Bold: p adjusted by Holm's method is below {LEVEL}.")
    if any(cell.value is None for cell in cells):
        notes.append("--: not reported, not measured or not defined.")
    return notes


def simple_notes(columns: Iterable[HeaderCell]) -> list[str]:
    """Which row is the best simple baseline of each column."""
    found = in_tasks((column.simple.name, column.text) for column in columns if column.simple)
    chosen = "; ".join(f"{name} ({tasks})" for name, tasks in found.items())
    return [f"Best simple baseline, chosen without test records: {chosen}."] if found else []


def counted(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """The test records of a column, and the rows that have fewer, as fields of its head.

    Args:
        measured: what was measured, by row.
    """
    most = max((one.records for one in measured.values()), default=None)
    fewer = ((name, one.records) for name, one in measured.items() if one.records != most)
    return {"records": most, "fewer": tuple(fewer)}


def record_notes(panels: Iterable[Panel]) -> list[str]:
    """The meaning of n, if a column shows it."""
    if any(column.records is not None for panel in panels for column in panel.columns):
        return ["n: test records."]
    return []


def mcc_notes(panels: Iterable[Panel], rows: Collection[str]) -> Iterator[str]:
    """What some rows know of yes and no, whatever their F1."""
    for panel in panels:
        columns = [
            at
            for at in range(len(panel.columns))
            if any(row.cells[at].mcc is not None for row in panel.rows)
        ]
        known = {
            row.name: ", ".join(_correlation(row.cells[at].mcc) for at in columns)
            for row in panel.rows
            if row.name in rows and row.kind == "model"
        }
        if columns and known:
            tasks = ", ".join(panel.columns[at].text for at in columns)
            yield (
                f"Matthews' correlation of yes and no ({tasks}), which is 0 for constant answers "
                f"whatever their F1: {'; '.join(f'{name} {one}' for name, one in known.items())}."
            )


def _correlation(value: float | None) -> str:
    return MISSING if value is None else difference_text(value)


def fewer_notes(columns: Iterable[HeaderCell]) -> list[str]:
    """The rows of a column that were measured on fewer records than the others."""
    found = grouped(
        ((column.text, records), row) for column in columns for row, records in column.fewer
    )
    return [
        f"{column}, {', '.join(rows)}: n = {records:,}."
        for (column, records), rows in sorted(found.items())
    ]


def seed_notes(rows: Iterable[Row], seeds: Mapping[str, int], entry: ScoresEntry) -> list[str]:
    """Which rows are means over seeds, and how much seeds differ.

    Args:
        rows: all rows.
        seeds: the number of seeds of each row that has a standard deviation over them.
    """
    notes, rows = [], list(rows)
    with_intervals = entry.explains_intervals and entry.shows_intervals
    for count in sorted(set(seeds.values())):
        of_count = [row for row in rows if seeds.get(row.name) == count]
        found = sorted(cell.sd for row in of_count for cell in row.cells if cell.sd is not None)
        spread = "with the standard deviation over them."
        if with_intervals or not entry.explains_intervals:
            spread = (
                f"standard deviations over seeds {found[0]:.3f} to {found[-1]:.3f}, median "
                f"{median(found):.3f}."
            )
        names = ", ".join(row.name for row in of_count)
        notes.append(f"{names}: mean over {count} seeds; {spread}")
    return [*notes, JOINT] if notes and with_intervals else notes


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
