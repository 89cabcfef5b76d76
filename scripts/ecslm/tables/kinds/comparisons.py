"""The comparisons table: differences of the study's own scores, with intervals and p-values."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.comparisons.results import Comparison
from ecslm.schemas.paths import comparison_path
from ecslm.tables.differences import (
    TaskComparison,
    comparison_notes,
    contrast_notes,
    difference_cell,
    p_text,
    read_differences,
)
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    IntervalsPlace,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
    text_cell,
)
from ecslm.tables.notes import data_note, mark_notes
from ecslm.tables.references import ContrastName, TaskName
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


def problems(request: Request, _resources: Mapping[str, Path]) -> list[str]:
    """Whether there is nothing to show."""
    found = request.context.comparison_files()
    return [] if found else [f"contrasts: {_nothing(request.table)}"]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from comparisons: a panel for each contrast, and each setting or pair of them.

    Raises:
        InputError: the contrasts compare nothing in the table's tasks.
    """
    entry = request.table
    found = read_differences(sources.results, request.context)
    common = partial(_common, request)
    panels = []
    shown: list[TaskComparison] = []
    for contrast in entry.contrasts:
        rows = [one for one in found if one[1].contrast == contrast]
        shown += rows
        for what, own in _grouped(rows, common).items():
            title = request.context.contrasts[contrast].title
            # The contrast, and what it leaves open.
            title = title if title.lower() == what.lower() else f"{title}: {what}"
            panels.append(_panel(request, title, own))
    if not panels:
        raise InputError(f"{name}: {_nothing(entry)}")
    notes = (
        *comparison_notes(shown),
        *mark_notes(panels, with_intervals=entry.explains_intervals),
        data_note(request.data),
    )
    return entry.table(name, panels, notes)


def _nothing(entry: ComparisonsEntry) -> str:
    return (
        f"{', '.join(entry.contrasts)} compare nothing in {', '.join(entry.columns)}: their models "
        "are not run, or do not answer these tasks: change `columns` or the contrasts, or leave "
        "the table out"
    )


def _grouped(
    compared: Sequence[TaskComparison], key: Callable[[Comparison], str]
) -> dict[str, list[TaskComparison]]:
    found: dict[str, list[TaskComparison]] = {}
    for task, row in compared:
        found.setdefault(key(row), []).append((task, row))
    return found


def _common(request: Request, row: Comparison) -> str:
    """What the rows of a panel have in common: the setting, or the two compared settings."""
    title = request.context.setting_title
    return title(row.setting) if row.setting else f"{title(row.a)} against {title(row.b)}"


def _name(row: Comparison) -> str:
    return row.model or f"{row.a} against {BEST_SIMPLE if row.best_simple else row.b}"


def _panel(request: Request, title: str, compared: Sequence[TaskComparison]) -> Panel:
    """A group of rows for each comparison, a row for each task that has one."""
    groups = tuple(
        RowGroup(name, tuple(Row(task, "other", _cells(request, task, row)) for task, row in own))
        for name, own in _grouped(compared, _name).items()
    )
    notes = tuple(contrast_notes(compared, request.context.contrasts))
    return Panel(title, "Task", COLUMNS, groups, float_title=title, notes=notes, side_by_side=True)


def _cells(request: Request, task: str, row: Comparison) -> tuple[Cell, ...]:
    sources = (comparison_path(task),)
    # The number of records; if they are not paired, of both sides.
    records = "{:,}".format if row.paired else f"{{}}/{row.n_b}".format
    return (
        text_cell(request.context.tasks[task].metric),
        difference_cell(task, row),
        *(number_cell(p, partial(p_text, below="<"), sources) for p in (row.p, row.p_holm)),
        number_cell(row.n, records, sources),
    )


KIND = Kind(
    entry=ComparisonsEntry,
    build=build,
    files=lambda request: request.context.comparison_files().values(),
    problems=problems,
)
