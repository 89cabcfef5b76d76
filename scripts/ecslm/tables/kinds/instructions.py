"""The instructions table: the same samples under instructions that training has and has not seen.

Whether an instruction was seen is looked up in the data, not derived from its setting's name.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.comparisons.results import Comparison, read_comparisons
from ecslm.data.card.reports import Leakage
from ecslm.schemas.settings import Closed
from ecslm.tables.differences import (
    TaskComparison,
    comparison_files,
    comparison_notes,
    contrast_notes,
    difference_cell,
)
from ecslm.tables.kind import Kind
from ecslm.tables.leakage import leakage_files, read_leakage
from ecslm.tables.model import MISSING, Cell, HeaderCell, Panel, Row, RowGroup, Table, number_cell
from ecslm.tables.notes import STRICT, data_note, limit_notes, mark_notes, seed_notes
from ecslm.tables.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores, strict_cell
from ecslm.tables.settings import ScoresEntry
from ecslm.tables.sources import Sources

# Label of a column whose tasks disagree; a note gives the label of each task.
MIXED = "mixed"


class InstructionsColumn(Closed):
    """A column of the instructions table."""

    title: str = Field(description="Head of the column; seen or unseen is added below it.")
    setting: SettingName = Field(description="Evaluation setting.")


class InstructionsEntry(ScoresEntry):
    """Scores of the same samples under several instructions."""

    kind: Literal["instructions"]
    tasks: tuple[TaskName, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[InstructionsColumn, ...] = Field(
        min_length=2, description="Evaluation settings, in order."
    )
    models: tuple[ModelName, ...] = Field(min_length=1, description="Panels: models, in order.")
    contrast: SettingsContrastName | None = Field(
        None, description="Contrast of settings whose differences are shown next to the scores."
    )


Request = TableRequest[InstructionsEntry]


def files(request: Request) -> list[str]:
    """Scores, reports on overlap, and the comparisons of the contrast."""
    entry, context = request.table, request.context
    return [
        *metric_files(context, entry.shows_intervals),
        *leakage_files(context, entry.tasks),
        *comparison_files(context).values(),
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and the reports on overlap: a panel for each model."""
    entry = request.table
    scores = Scores(sources.results, request.context, entry.shows_intervals)
    leakage = read_leakage(sources.results, request.context, entry.tasks)
    found = {column.setting: _by_task(column, leakage) for column in entry.columns}
    differences = _differences(request, sources.results)
    pairs = tuple(dict.fromkeys((row.a, row.b) for _, row in differences))
    columns = (
        HeaderCell(key="records", text="n", form="count"),
        *(
            HeaderCell(
                key=column.setting,
                text=column.title,
                detail=_label(found[column.setting]),
                lower_is_better=False,
            )
            for column in entry.columns
        ),
        *(_difference_head(entry, pair) for pair in pairs),
    )
    panels = tuple(
        Panel(
            model,
            "Task",
            columns,
            (RowGroup("", _rows(entry, scores, differences, pairs, model)),),
            float_title=model,
        )
        for model in entry.models
    )
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(
            STRICT,
            "n: test records, the same in each column unless there is a number for each.",
            "Seen, unseen: whether the instructions occur in the task's training records.",
            *_disagreements(entry, found),
            *limit_notes(request.context.models),
            *mark_notes(panels, with_intervals=entry.explains_intervals),
            *_seed_notes(panels, request),
            *comparison_notes(differences),
            *contrast_notes(differences, request.context.contrasts),
            data_note(request.data),
        ),
    )


def _differences(request: Request, results: Path) -> list[TaskComparison]:
    """The comparisons of the table's contrast, each with its task."""
    entry = request.table
    return [
        (task, row)
        for task in comparison_files(request.context)
        for row in read_comparisons(results, task)
        if row.contrast == entry.contrast and row.model in entry.models
    ]


def _difference_head(entry: InstructionsEntry, pair: tuple[str, str]) -> HeaderCell:
    titles = {column.setting: column.title for column in entry.columns}
    a, b = (titles.get(setting, setting) for setting in pair)
    return HeaderCell(key=" against ".join(pair), text="Difference", detail=f"{a} against {b}")


def _by_task(column: InstructionsColumn, leakage: Mapping[str, Leakage]) -> dict[str, str]:
    """Whether training has the column's instructions, for the tasks that have the setting."""
    return {
        task: report.settings[column.setting].instruction
        for task, report in leakage.items()
        if column.setting in report.settings
    }


def _label(by_task: Mapping[str, str]) -> str:
    labels = set(by_task.values())
    if len(labels) > 1:
        return MIXED
    return labels.pop() if labels else "not compared"


def _rows(
    entry: InstructionsEntry,
    scores: Scores,
    differences: Sequence[TaskComparison],
    pairs: Sequence[tuple[str, str]],
    model: str,
) -> tuple[Row, ...]:
    found = {(task, (row.a, row.b)): row for task, row in differences if row.model == model}
    rows = []
    for task in entry.tasks:
        measured = [scores.model(model, task, column.setting) for column in entry.columns]
        cells = (
            _records(measured),
            *(strict_cell(one, entry.shows_intervals) for one in measured),
            *(_difference(task, found.get((task, pair))) for pair in pairs),
        )
        rows.append(Row(name=task, kind="other", cells=cells))
    return tuple(rows)


def _records(measured: Sequence[Measured | None]) -> Cell:
    """The number of test records; one for each column, if they differ."""
    known = [one for one in measured if one is not None]
    most = max((one.records for one in known), default=None)
    each = [MISSING if one is None else f"{one.records:,}" for one in measured]
    same = len({one.records for one in known}) == 1
    sources = tuple(dict.fromkeys(path for one in known for path in one.sources))
    return number_cell(most, f"{most:,}" if same else "/".join(each), sources)


def _difference(task: str, row: Comparison | None) -> Cell:
    return Cell() if row is None else difference_cell(task, row)


def _disagreements(
    entry: InstructionsEntry, found: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    for column in entry.columns:
        by_task = found[column.setting]
        if _label(by_task) == MIXED:
            tasks = ", ".join(f"{task} {label}" for task, label in by_task.items())
            yield f"{column.title}: {tasks}."


def _seed_notes(panels: Sequence[Panel], request: Request) -> list[str]:
    """Which panels are means over seeds, and how much seeds differ."""
    seeds = {
        panel.title: len(request.context.models[panel.title].seeds)
        for panel in panels
        if any(cell.sd is not None for row in panel.rows for cell in row.cells)
    }
    # As if each panel were a row.
    groups = [
        RowGroup("", (Row(panel.title, "model", sum((row.cells for row in panel.rows), ())),))
        for panel in panels
    ]
    return seed_notes(groups, seeds, request.table)


KIND = Kind(entry=InstructionsEntry, place=40, build=build, files=files)
