"""The comparisons table: differences of the study's own scores, with intervals and p-values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.comparisons.results import Comparison, read_comparisons
from ecslm.schemas.paths import comparison_path
from ecslm.tables.differences import (
    TaskComparison,
    comparison_files,
    comparison_notes,
    contrast_notes,
    difference_cell,
    p_text,
)
from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    IntervalsPlace,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
)
from ecslm.tables.notes import data_note, mark_notes
from ecslm.tables.references import ContrastName, TaskName
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import IntervalsEntry
from ecslm.tables.sources import Sources

BEST_SIMPLE = "the best simple baseline"

COLUMNS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("difference", "Difference"),
    HeaderCell("p", "p"),
    HeaderCell("p_holm", "p", "Holm"),
    HeaderCell("n", "n", form="count"),
)


class ComparisonsEntry(IntervalsEntry):
    """Differences between the study's own scores, with intervals and p-values."""

    kind: Literal["comparisons"]
    intervals: IntervalsPlace = Field(
        "beside", description="Where intervals stand in LaTeX, if at all."
    )
    contrasts: tuple[ContrastName, ...] = Field(min_length=1, description="Contrasts, in order.")
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")


Request = TableRequest[ComparisonsEntry]


def files(request: Request) -> list[str]:
    """The comparisons of each task in which there are any."""
    return list(comparison_files(request.context).values())


def problems(request: Request, _resources: Mapping[str, Path]) -> list[str]:
    """Whether there is nothing to show."""
    return [] if files(request) else [f"contrasts: {_nothing(request.table)}"]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from comparisons: a panel for each contrast, and each setting or pair of them.

    Raises:
        InputError: the contrasts compare nothing in the table's tasks.
    """
    entry = request.table
    found = [
        (task, row)
        for task in entry.columns
        if task in comparison_files(request.context)
        for row in read_comparisons(sources.results, task)
    ]
    panels = []
    shown: list[TaskComparison] = []
    for contrast in entry.contrasts:
        rows = [(task, row) for task, row in found if row.contrast == contrast]
        shown += rows
        for common in dict.fromkeys(_common(row, request) for _, row in rows):
            here = [(task, row) for task, row in rows if _common(row, request) == common]
            panels.append(_panel(request, _title(contrast, common, request), here))
    if not panels:
        raise InputError(f"{name}: {_nothing(entry)}")
    notes = [
        *comparison_notes(shown),
        *mark_notes(panels, with_intervals=entry.explains_intervals),
        data_note(request.data),
    ]
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=tuple(panels),
        notes=tuple(notes),
    )


def _nothing(entry: ComparisonsEntry) -> str:
    return (
        f"{', '.join(entry.contrasts)} compare nothing in {', '.join(entry.columns)}: their models "
        "are not run, or do not answer these tasks: change `columns` or the contrasts, or leave "
        "the table out"
    )


def _common(row: Comparison, request: Request) -> str:
    """What the rows of a panel have in common: the setting, or the two compared settings."""
    title = request.context.setting_title
    return title(row.setting) if row.setting else f"{title(row.a)} against {title(row.b)}"


def _title(contrast: str, common: str, request: Request) -> str:
    """The contrast, and what it leaves open."""
    title = request.context.contrasts[contrast].title
    return title if title.lower() == common.lower() else f"{title}: {common}"


def _name(row: Comparison) -> str:
    return row.model or f"{row.a} against {BEST_SIMPLE if row.best_simple else row.b}"


def _panel(request: Request, title: str, compared: Sequence[TaskComparison]) -> Panel:
    """A group of rows for each comparison, a row for each task that has one."""
    groups = []
    for name in dict.fromkeys(_name(row) for _, row in compared):
        own = [(task, row) for task, row in compared if _name(row) == name]
        groups.append(RowGroup(name, tuple(_row(request, task, row) for task, row in own)))
    return Panel(
        title,
        "Task",
        COLUMNS,
        tuple(groups),
        float_title=title,
        notes=tuple(contrast_notes(compared, request.context.contrasts)),
        side_by_side=True,
    )


def _row(request: Request, task: str, row: Comparison) -> Row:
    metric = request.context.tasks[task].metric
    cells = (
        Cell(value=metric, shown=metric),
        difference_cell(task, row),
        _p_cell(task, row.p),
        _p_cell(task, row.p_holm),
        _records_cell(task, row),
    )
    return Row(name=task, kind="other", cells=cells)


def _p_cell(task: str, p: float | None) -> Cell:
    shown = "" if p is None else p_text(p, "<")
    return number_cell(p, shown, (comparison_path(task),))


def _records_cell(task: str, row: Comparison) -> Cell:
    """The number of records; if they are not paired, of both sides."""
    shown = f"{row.n:,}" if row.paired else f"{row.n}/{row.n_b}"
    return number_cell(row.n, shown, (comparison_path(task),))


KIND = Kind(entry=ComparisonsEntry, place=50, build=build, files=files, problems=problems)
