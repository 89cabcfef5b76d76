"""The validity table: invalid and truncated answers, and the scores with a forgiving parser."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
    score_text,
)
from ecslm.tables.notes import data_note, limit_notes
from ecslm.tables.references import ModelName, SettingName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources

NOTES = (
    "Invalid: share of the test records whose answer cannot be parsed; such answers are scored "
    "as wrong. Truncated: share of answers cut off by the limit of new tokens.",
    "Lenient: the strict metric with a forgiving parser, which looks for the answer anywhere "
    "in the text; what it gains over strict is due to format only.",
    "--: not measured or not defined.",
)


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score."""

    kind: Literal["validity"]
    settings: tuple[SettingName, ...] = Field(
        min_length=1, description="Evaluation settings, in order."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[ModelName, ...] = Field(min_length=1, description="Models, in order.")


Request = TableRequest[ValidityEntry]


def files(request: Request) -> list[str]:
    """Scores."""
    return metric_files(request.context)


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files: a panel for each setting."""
    entry = request.table
    scores = Scores(sources.results, request.context)
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=tuple(
            panel
            for setting in entry.settings
            if (panel := _panel(request, scores, setting)) is not None
        ),
        notes=(*NOTES, *limit_notes(request.context.models), data_note(request.data)),
    )


def _panel(request: Request, scores: Scores, setting: str) -> Panel | None:
    """The panel of a setting, with columns for the tasks that have it."""
    entry = request.table
    measured = {
        (model, task): scores.model(model, task, setting)
        for model in entry.models
        for task in entry.columns
    }
    tasks = [task for task in entry.columns if any(measured[model, task] for model in entry.models)]
    if not tasks:
        return None
    columns = tuple(
        HeaderCell(key=task, text=task, detail=request.context.tasks[task].metric) for task in tasks
    )
    groups = tuple(
        RowGroup(model, _rows(model, [measured[model, task] for task in tasks]))
        for model in entry.models
    )
    return Panel(title=setting, head="Model", columns=columns, groups=groups)


def _rows(model: str, measured: list[Measured | None]) -> tuple[Row, ...]:
    measures: dict[str, Callable[[Measured], Cell]] = {
        "invalid, %": lambda one: _percent(one, one.invalid_share()),
        "truncated, %": lambda one: _percent(one, one.truncated_share()),
        "strict": lambda one: _score(one, one.value("strict")),
        "lenient": lambda one: _score(one, one.lenient()),
    }
    return tuple(
        Row(
            name=model,
            kind="model",
            detail=detail,
            cells=tuple(Cell() if one is None else cell_of(one) for one in measured),
        )
        for detail, cell_of in measures.items()
    )


def _percent(measured: Measured, share: float | None) -> Cell:
    return number_cell(share, "" if share is None else f"{100 * share:.1f}", measured.sources)


def _score(measured: Measured, value: float | None) -> Cell:
    return number_cell(value, "" if value is None else score_text(value), measured.sources)


KIND = Kind(entry=ValidityEntry, place=60, build=build, files=files)
