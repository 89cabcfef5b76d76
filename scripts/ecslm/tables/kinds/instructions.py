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
    difference_cell,
)
from ecslm.tables.kind import Kind
from ecslm.tables.leakage import leakage_files, read_leakage
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table
from ecslm.tables.notes import JOINT, STRICT, data_note, limit_notes, mark_notes, mean_note
from ecslm.tables.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Scores, strict_cell
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
            "Seen, unseen: whether the instructions occur in the task's training records.",
            *_disagreements(entry, found),
            *limit_notes(request.context.models),
            *mark_notes(panels),
            *_seed_notes(panels, request),
            *comparison_notes(differences, request.context.contrasts),
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
    return tuple(
        Row(
            name=task,
            kind="other",
            cells=(
                *(
                    strict_cell(scores.model(model, task, column.setting), entry.shows_intervals)
                    for column in entry.columns
                ),
                *(_difference(task, found.get((task, pair))) for pair in pairs),
            ),
        )
        for task in entry.tasks
    )


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


def _seed_notes(panels: Sequence[Panel], request: Request) -> Iterator[str]:
    """Notes on models with several seeds: cells are means, and how much seeds differ."""
    several = False
    for panel in panels:
        seeds = len(request.context.models[panel.title].seeds)
        if seeds > 1:
            several = True
            spreads = [
                f"{row.name} {' and '.join(shown)}"
                for row in panel.groups[0].rows
                if (shown := [f"{cell.sd:.3f}" for cell in row.cells if cell.sd is not None])
            ]
            yield f"{panel.title}: {mean_note(seeds, spreads, request.table.shows_intervals)}"
    if several and request.table.shows_intervals:
        yield JOINT


KIND = Kind(entry=InstructionsEntry, place=40, build=build, files=files)
