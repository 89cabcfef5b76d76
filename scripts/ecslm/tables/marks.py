"""Marks the best and second best value of each column among the competing rows."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ecslm.tables.model import Cell, HeaderCell, Row, RowGroup

SHOWN_DIGITS = 3


def mark_best(
    groups: Sequence[RowGroup], columns: Sequence[HeaderCell], competitors: Collection[str]
) -> tuple[RowGroup, ...]:
    """The groups with `best` and `second` marked per column.

    Values that look equal share the mark. Cells marked `doubled` and rows of other data do not
    compete, and a column with one competing value has no best.
    """
    marks_by_column = [
        _marks(
            [
                row.cells[index]
                for group in groups
                for row in group.rows
                if _competes(row, competitors)
            ],
            bool(column.lower_is_better),
        )
        for index, column in enumerate(columns)
    ]
    return tuple(
        RowGroup(
            group.title,
            tuple(
                _marked(row, marks_by_column) if _competes(row, competitors) else row
                for row in group.rows
            ),
        )
        for group in groups
    )


def _competes(row: Row, competitors: Collection[str]) -> bool:
    return row.name in competitors and "other_data" not in row.marks


def _shown_value(cell: Cell) -> float | None:
    if not isinstance(cell.value, int | float) or "doubled" in cell.marks:
        return None
    return round(cell.value, SHOWN_DIGITS)


def _marks(cells: Sequence[Cell], lower_is_better: bool) -> dict[float, str]:
    values = [value for cell in cells if (value := _shown_value(cell)) is not None]
    ranked = sorted(set(values), reverse=not lower_is_better)
    if len(values) < 2:
        return {}
    return dict(zip(ranked, ("best", "second"), strict=False))


def _marked(row: Row, marks_by_column: Sequence[dict[float, str]]) -> Row:
    cells = []
    for cell, marks in zip(row.cells, marks_by_column, strict=True):
        value = _shown_value(cell)
        mark = None if value is None else marks.get(value)
        cells.append(replace(cell, marks=(*cell.marks, mark)) if mark else cell)
    return replace(row, cells=tuple(cells))
