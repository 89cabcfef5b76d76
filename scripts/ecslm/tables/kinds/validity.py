"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
    percent_text,
    score_text,
)
from ecslm.tables.notes import constant_notes, data_note, fewer_notes, limit_notes, record_notes
from ecslm.tables.references import ModelName, SettingName, TaskName
from ecslm.tables.scores import Measured, Scores, counted, metric_files
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
# What a row shows, and how it is shown.
Measure = tuple[Callable[[Measured], float | None], Callable[[Any], str]]
# By the title of a panel, its rows for each model.
PANELS: Mapping[str, Mapping[str, Measure]] = {
    "unusable answers, %": {
        "invalid": (Measured.invalid_share, percent_text),
        "truncated": (Measured.truncated_share, percent_text),
    },
    "scores": {
        "strict": (lambda one: one.value("strict"), score_text),
        "lenient": (Measured.lenient, score_text),
    },
    "the most frequent answer": {
        "share, %": (Measured.most_frequent_share, percent_text),
        "distinct": (Measured.distinct_answers, "{:,}".format),
    },
}


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score, and constant answers."""

    kind: Literal["validity"]
    settings: tuple[SettingName, ...] = Field(
        min_length=1, description="Evaluation settings, in order."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[ModelName, ...] = Field(min_length=1, description="Models, in order.")


Request = TableRequest[ValidityEntry]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files: panels for each setting."""
    entry = request.table
    scores = Scores(sources.results, request.context)
    panels = [panel for one in entry.settings for panel in _panels(request, scores, one)]
    limits = limit_notes(request.context.models)
    notes = (*NOTES, *record_notes(panels), *limits, data_note(request.data))
    return entry.table(name, panels, notes)


def _panels(request: Request, scores: Scores, setting: str) -> Iterator[Panel]:
    """The panels of a setting, with columns for the tasks that have it."""
    entry = request.table
    found: dict[str, dict[str, Measured]] = {}
    for task in entry.columns:
        for model in entry.models:
            if measured := scores.model(model, task, setting):
                found.setdefault(task, {})[model] = measured
    constants = [
        f"{task}, {model}: {constant}"
        for task, of_task in found.items()
        for model, one in of_task.items()
        if (constant := one.constant())
    ]
    for what, measures in PANELS.items() if found else ():
        columns = []
        for task, of_task in found.items():
            records, fewer = counted({model: one.records for model, one in of_task.items()})
            detail = request.context.tasks[task].metric if what == "scores" else ""
            columns.append(HeaderCell(task, task, detail, records=records, fewer=fewer))
        title = f"{request.context.setting_title(setting)}: {what}"
        same = constant_notes(constants) if "distinct" in measures else []
        yield Panel(
            title=title,
            head="Model",
            columns=tuple(columns),
            groups=tuple(
                RowGroup(model, tuple(_rows(model, found, measures))) for model in entry.models
            ),
            float_title=title,
            notes=(*fewer_notes(columns), *same),
        )


def _rows(
    model: str, found: Mapping[str, Mapping[str, Measured]], measures: Mapping[str, Measure]
) -> Iterator[Row]:
    measured = [of_task.get(model) for of_task in found.values()]
    for detail, (value, text) in measures.items():
        cells = tuple(
            number_cell(value(one), text, one.sources) if one else Cell() for one in measured
        )
        yield Row(name=model, kind="model", detail=detail, cells=cells)


KIND = Kind(entry=ValidityEntry, build=build, files=lambda request: metric_files(request.context))
