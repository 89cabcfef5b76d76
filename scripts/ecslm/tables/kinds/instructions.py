"""The instructions table: the same samples under instructions that training has and has not seen.

Whether an instruction was seen is looked up in the data, not derived from its setting's name.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.card.reports import Leakage
from ecslm.schemas.settings import Closed
from ecslm.tables.differences import (
    TaskComparison,
    comparison_notes,
    contrast_notes,
    difference_cell,
    read_differences,
)
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import MISSING, Cell, HeaderCell, Panel, Row, RowGroup, Table, number_cell
from ecslm.tables.notes import STRICT, data_note, limit_notes, mark_notes, seed_notes
from ecslm.tables.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.tables.scores import Measured, Scores, metric_files, strict_cell
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
    context = request.context
    return [
        *metric_files(context, request.table.shows_intervals),
        *context.leakage_files().values(),
        *context.comparison_files().values(),
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and the reports on overlap: a panel for each model."""
    entry, context = request.table, request.context
    scores = Scores(sources.results, context, entry.shows_intervals)
    leakage = {
        task: read_result(sources.results / path, Leakage).settings
        for task, path in context.leakage_files().items()
    }
    # Whether training has a column's instructions, for the tasks that have its setting.
    found = [
        {
            task: settings[column.setting].instruction
            for task, settings in leakage.items()
            if column.setting in settings
        }
        for column in entry.columns
    ]
    differences = [
        (task, row)
        for task, row in read_differences(sources.results, context)
        if row.contrast == entry.contrast and row.model in entry.models
    ]
    pairs = tuple(dict.fromkeys((row.a, row.b) for _, row in differences))
    columns = (
        HeaderCell(key="records", text="n", form="count"),
        *(
            HeaderCell(one.setting, one.title, _label(by_task), lower_is_better=False)
            for one, by_task in zip(entry.columns, found, strict=True)
        ),
        *(_difference_head(entry, pair) for pair in pairs),
    )
    panels, means, seeds = [], [], {}
    for model in entry.models:
        rows = tuple(_rows(entry, scores, differences, pairs, model))
        panels.append(Panel(model, "Task", columns, (RowGroup("", rows),), float_title=model))
        cells = sum((row.cells for row in rows), ())
        # As if the panel were a row.
        means.append(RowGroup("", (Row(model, "model", cells),)))
        if any(cell.sd is not None for cell in cells):
            seeds[model] = len(context.models[model].seeds)
    notes = (
        STRICT,
        "n: test records, the same in each column unless there is a number for each.",
        "Seen, unseen: whether the instructions occur in the task's training records.",
        *(
            f"{column.title}: {', '.join(f'{task} {label}' for task, label in by_task.items())}."
            for column, by_task in zip(entry.columns, found, strict=True)
            if _label(by_task) == MIXED
        ),
        *limit_notes(context.models),
        *mark_notes(panels, with_intervals=entry.explains_intervals),
        *seed_notes(means, seeds, entry),
        *comparison_notes(differences),
        *contrast_notes(differences, context.contrasts),
        data_note(request.data),
    )
    return entry.table(name, panels, notes)


def _difference_head(entry: InstructionsEntry, pair: tuple[str, str]) -> HeaderCell:
    titles = {column.setting: column.title for column in entry.columns}
    a, b = (titles.get(setting, setting) for setting in pair)
    return HeaderCell(key=" against ".join(pair), text="Difference", detail=f"{a} against {b}")


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
) -> Iterator[Row]:
    cells = {
        (task, (row.a, row.b)): difference_cell(task, row)
        for task, row in differences
        if row.model == model
    }
    for task in entry.tasks:
        measured = [scores.model(model, task, column.setting) for column in entry.columns]
        shown = (
            _records(measured),
            *(strict_cell(one, entry.shows_intervals) for one in measured),
            *(cells.get((task, pair), Cell()) for pair in pairs),
        )
        yield Row(name=task, kind="other", cells=shown)


def _records(measured: Sequence[Measured | None]) -> Cell:
    """The number of test records; one for each column, if they differ."""
    known = [one for one in measured if one is not None]
    most = max((one.records for one in known), default=None)
    each = [MISSING if one is None else f"{one.records:,}" for one in measured]
    same = len({one.records for one in known}) == 1
    sources = tuple(dict.fromkeys(path for one in known for path in one.sources))
    return number_cell(most, "{:,}".format if same else lambda _: "/".join(each), sources)


KIND = Kind(entry=InstructionsEntry, build=build, files=files)
