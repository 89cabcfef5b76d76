"""Marks of scores in a column: the best of competing rows, and those below a simple baseline."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from ecslm.tables.model import Cell, HeaderCell, Row, RowGroup

SHOWN_DIGITS = 3

# With two competitors, every cell would be best or second best.
FEWEST_FOR_SECOND = 3

Groups = tuple[RowGroup, ...]
# The marks of a row's cell in a column.
CellMarks = Callable[[Row, int], tuple[str, ...]]


def mark_best(
    groups: Sequence[RowGroup], columns: Sequence[HeaderCell], competitors: Collection[str]
) -> Groups:
    """The groups with `best` and `second` marked per column.

    Values that look equal share the mark. Cells marked `doubled` and rows of other data do not
    compete. A column with one competing value has no best, with two no second best, and a score
    that looks like 0 is neither.
    """
    found = [
        _ranks(
            [row.cells[at] for row in _rows(groups) if competes(row, competitors)],
            bool(column.lower_is_better),
        )
        for at, column in enumerate(columns)
    ]

    def marks(row: Row, at: int) -> tuple[str, ...]:
        value = _comparable(row, at) if competes(row, competitors) else None
        return (found[at][value],) if value in found[at] else ()

    return _marked(groups, marks)


def mark_below_simple(groups: Sequence[RowGroup], columns: Sequence[HeaderCell]) -> Groups:
    """The groups with `below_simple` on cells that are worse, as shown, than the best simple
    baseline of their column, but not on other baselines, nor on doubled values and rows of other
    data, which cannot be compared with it."""

    def marks(row: Row, at: int) -> tuple[str, ...]:
        simple = columns[at].simple
        value = _comparable(row, at) if row.kind != "baseline" else None
        below = simple and value is not None and value < round(simple.value, SHOWN_DIGITS)
        return ("below_simple",) if below else ()

    return _marked(groups, marks)


def competes(row: Row, competitors: Collection[str]) -> bool:
    """Whether a row takes part in the ranking of a column."""
    return row.name in competitors and "other_data" not in row.marks


def _comparable(row: Row, at: int) -> float | None:
    """A cell's value as it is shown; None if it is not comparable with others."""
    return None if "other_data" in row.marks else _shown_value(row.cells[at])


def _shown_value(cell: Cell) -> float | None:
    if not isinstance(cell.value, int | float) or "doubled" in cell.marks:
        return None
    return round(cell.value, SHOWN_DIGITS)


def _ranks(cells: Sequence[Cell], lower_is_better: bool) -> dict[float | None, str]:
    """The marks of the values that have one."""
    values = [value for cell in cells if (value := _shown_value(cell)) is not None]
    ranked = sorted(set(values), reverse=not lower_is_better)
    if len(values) < 2:
        return {}
    marks = ("best", "second") if len(values) >= FEWEST_FOR_SECOND else ("best",)
    found = zip(ranked, marks, strict=False)
    return {value: mark for value, mark in found if value or lower_is_better}


def _marked(groups: Sequence[RowGroup], marks: CellMarks) -> Groups:
    return tuple(
        RowGroup(group.title, tuple(_with_marks(row, marks) for row in group.rows))
        for group in groups
    )


def _with_marks(row: Row, marks: CellMarks) -> Row:
    cells = (
        replace(cell, marks=(*cell.marks, *marks(row, at))) for at, cell in enumerate(row.cells)
    )
    return replace(row, cells=tuple(cells))


def _rows(groups: Sequence[RowGroup]) -> Iterator[Row]:
    for group in groups:
        yield from group.rows
