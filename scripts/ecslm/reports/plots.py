"""Interval plots: the values of a results table and their intervals, per task."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecslm.tables.model import Cell, Row, RowKind, Table


@dataclass(frozen=True)
class Point:
    """A row's value and interval, as percentages of the axis."""

    name: str
    kind: RowKind
    shown: str
    doubled: bool
    at: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Plot:
    """The points of one column; the axis goes from 0 to `end`."""

    title: str
    metric: str
    end: float
    points: tuple[Point, ...]


def interval_plots(table: Table) -> list[Plot]:
    """A plot for each column of a results table that has any value."""
    plots = []
    for panel in table.panels:
        rows = [row for group in panel.groups for row in group.rows]
        for index, column in enumerate(panel.columns):
            valued = [(row, row.cells[index]) for row in rows if _number(row.cells[index])]
            if valued:
                end = _axis_end(cell for _, cell in valued)
                points = tuple(_point(row, cell, end) for row, cell in valued)
                plots.append(Plot(column.text, column.detail, end, points))
    return plots


def _number(cell: Cell) -> bool:
    return isinstance(cell.value, int | float)


def _axis_end(cells: Iterable[Cell]) -> float:
    """1, or the largest value if a doubled one exceeds 1."""
    return max(1.0, *(float(cell.value or 0) for cell in cells))


def _point(row: Row, cell: Cell, end: float) -> Point:
    return Point(
        name=row.name,
        kind=row.kind,
        shown=cell.shown,
        doubled="doubled" in cell.marks,
        at=_percent(float(cell.value or 0), end),
        low=_percent(cell.interval.low, end) if cell.interval else None,
        high=_percent(cell.interval.high, end) if cell.interval else None,
    )


def _percent(value: float, end: float) -> float:
    return round(100 * value / end, 2)
