"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    count_cell,
    number_cell,
    percent_text,
    score_text,
)
from ecslm.tables.notes import constant_notes, data_note, fewer_notes, limit_notes, record_notes
from ecslm.tables.references import ModelName, SettingName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores, counted
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources

NOTES = (
    "Invalid: share of the test records whose answer cannot be parsed; such answers are scored "
    "as wrong. Truncated: share of answers cut off by the limit of new tokens.",
    "Lenient: the strict metric with a forgiving parser, which looks for the answer anywhere "
    "in the text; the difference from strict is due to format only.",
    "Most frequent: share of the answers that are the most frequent one, as parsed, whatever the "
    "right answers are; distinct: number of different answers.",
    "--: not measured or not defined.",
)


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score, and constant answers."""

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
    """The table from metrics files: for each setting a panel of shares and one of scores."""
    entry = request.table
    scores = Scores(sources.results, request.context)
    panels = tuple(panel for one in entry.settings for panel in _panels(request, scores, one))
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(
            *NOTES,
            *record_notes(panels),
            *limit_notes(request.context.models),
            data_note(request.data),
        ),
    )


def _panels(request: Request, scores: Scores, setting: str) -> Iterator[Panel]:
    """The panels of a setting, with columns for the tasks that have it."""
    entry = request.table
    measured = {
        (model, task): scores.model(model, task, setting)
        for model in entry.models
        for task in entry.columns
    }
    tasks = [task for task in entry.columns if any(measured[model, task] for model in entry.models)]
    if not tasks:
        return
    title = request.context.setting_title(setting)
    constants = [
        f"{task}, {model}: {constant}"
        for task in tasks
        for model in entry.models
        if (one := measured[model, task]) and (constant := one.constant())
    ]
    for what, rows_of, with_metric, notes in (
        ("unusable answers, %", _shares, False, []),
        ("scores", _scores, True, []),
        ("the most frequent answer", _frequent, False, constant_notes(constants)),
    ):
        columns = tuple(
            _head(
                task,
                request.context.tasks[task].metric if with_metric else "",
                {model: one.records for model in entry.models if (one := measured[model, task])},
            )
            for task in tasks
        )
        yield Panel(
            title=f"{title}: {what}",
            head="Model",
            columns=columns,
            groups=tuple(
                RowGroup(model, rows_of(model, [measured[model, task] for task in tasks]))
                for model in entry.models
            ),
            float_title=f"{title}: {what}",
            notes=(*fewer_notes(columns), *notes),
        )


def _head(task: str, detail: str, measured: Mapping[str, int]) -> HeaderCell:
    records, fewer = counted(measured)
    return HeaderCell(key=task, text=task, detail=detail, records=records, fewer=fewer)


def _shares(model: str, measured: Sequence[Measured | None]) -> tuple[Row, ...]:
    return _rows(
        model,
        measured,
        {
            "invalid": lambda one: _percent(one, one.invalid_share()),
            "truncated": lambda one: _percent(one, one.truncated_share()),
        },
    )


def _scores(model: str, measured: Sequence[Measured | None]) -> tuple[Row, ...]:
    return _rows(
        model,
        measured,
        {
            "strict": lambda one: _score(one, one.value("strict")),
            "lenient": lambda one: _score(one, one.lenient()),
        },
    )


def _frequent(model: str, measured: Sequence[Measured | None]) -> tuple[Row, ...]:
    return _rows(
        model,
        measured,
        {
            "share, %": lambda one: _percent(one, one.most_frequent_share()),
            "distinct": lambda one: count_cell(one.distinct_answers(), one.sources),
        },
    )


def _rows(
    model: str,
    measured: Sequence[Measured | None],
    measures: Mapping[str, Callable[[Measured], Cell]],
) -> tuple[Row, ...]:
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
    return number_cell(share, "" if share is None else percent_text(share), measured.sources)


def _score(measured: Measured, value: float | None) -> Cell:
    return number_cell(value, "" if value is None else score_text(value), measured.sources)


KIND = Kind(entry=ValidityEntry, place=60, build=build, files=files)
