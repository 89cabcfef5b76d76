"""Notes below a table: protocol, data, and the marks that occur in the table."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from statistics import median

from ecslm.tables.marks import competes
from ecslm.tables.model import Cell, HeaderCell, Panel, RowGroup
from ecslm.tables.settings import DataContext, ModelContext, ScoresEntry

UNRELIABLE = "the interval may be too narrow: too few records, or too few that decide the score."

# A difference is marked if its adjusted p is below this level.
LEVEL = 0.05

STRICT = (
    "Scores of our rows are under the strict protocol: every test record counts, "
    "and an answer that cannot be parsed is wrong."
)


JOINT = "The interval of a mean over seeds resamples test records and seeds."


def data_note(data: DataContext) -> str:
    """The source of the records."""
    return f"Data: {data.source}."


def limit_notes(models: Mapping[str, ModelContext]) -> list[str]:
    """How the answers of models are limited that are not free."""
    names: dict[str, list[str]] = {}
    for name, model in models.items():
        if model.limits is not None:
            names.setdefault(model.limits, []).append(name)
    return [
        f"{_together(some, models)}: {limits}; by construction no answer is invalid."
        for limits, some in names.items()
    ]


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
    notes: list[str] = []
    if with_intervals:
        notes += _interval_notes(cells)
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
    found: dict[str, list[str]] = {}
    for column in columns:
        if column.simple:
            found.setdefault(column.simple.name, []).append(column.text)
    if not found:
        return []
    chosen = "; ".join(f"{name} ({', '.join(tasks)})" for name, tasks in found.items())
    return [f"Best simple baseline, chosen without test records: {chosen}."]


def record_notes(panels: Iterable[Panel]) -> list[str]:
    """The meaning of n, if a column shows it."""
    if any(column.records is not None for panel in panels for column in panel.columns):
        return ["n: test records."]
    return []


def fewer_notes(columns: Iterable[HeaderCell]) -> list[str]:
    """The rows of a column that were measured on fewer records than the others."""
    names: dict[tuple[str, int], list[str]] = {}
    for column in columns:
        for row, records in column.fewer:
            names.setdefault((column.text, records), []).append(row)
    return [
        f"{column}, {', '.join(rows)}: n = {records:,}."
        for (column, records), rows in sorted(names.items())
    ]


def seed_notes(
    groups: Iterable[RowGroup], seeds: Mapping[str, int], entry: ScoresEntry
) -> list[str]:
    """Which rows are means over seeds, and how much seeds differ.

    Args:
        groups: all rows.
        seeds: the number of seeds of each row that has a standard deviation over them.
    """
    groups = list(groups)
    notes = []
    for count in sorted(set(seeds.values())):
        names: list[str] = []
        found: list[float] = []
        for group in groups:
            rows = [row for row in group.rows if seeds.get(row.name) == count]
            found += [cell.sd for row in rows for cell in row.cells if cell.sd is not None]
            # Published rows are not means over our seeds.
            whole = len(rows) > 1 and len(rows) == sum(row.kind == "model" for row in group.rows)
            names += [group.title] if whole and group.title else [row.name for row in rows]
        found.sort()
        note = f"{'; '.join(names)}: mean over {count} seeds"
        if entry.explains_intervals and not entry.shows_intervals:
            notes.append(f"{note}, with the standard deviation over them.")
            continue
        notes.append(
            f"{note}; standard deviations over seeds {found[0]:.3f} to {found[-1]:.3f}, median "
            f"{median(found):.3f}."
        )
    with_intervals = entry.explains_intervals and entry.shows_intervals
    return [*notes, JOINT] if notes and with_intervals else notes


def _interval_notes(cells: Sequence[Cell]) -> Iterator[str]:
    intervals = [cell.interval for cell in cells if cell.interval]
    if intervals:
        yield "In brackets: 95\N{NO-BREAK SPACE}% intervals."
    if not all(interval.reliable for interval in intervals):
        yield f"*: {UNRELIABLE}"


def _together(names: Sequence[str], models: Iterable[str]) -> str:
    """Names of models: the common end of their names if no other model has it, or all names."""
    parts = zip(*(reversed(name.split("-")) for name in names), strict=False)
    common = [part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts)]
    end = "".join(f"-{part}" for part in reversed(common))
    if len(names) > 2 and end and [name for name in models if name.endswith(end)] == [*names]:
        return f"Names that end in {end}"
    return ", ".join(names)


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
