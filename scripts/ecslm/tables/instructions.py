"""The instructions table: the same samples under instructions that training has and has not seen.

Whether an instruction was seen is what the data says, never the name of its setting.
"""

from collections.abc import Iterator, Mapping

from ecslm.data_card.reports import Leakage, leakage_path
from ecslm.manifests import read_result
from ecslm.tables.model import HeaderCell, Panel, Row, RowGroup, Table
from ecslm.tables.notes import STRICT, data_note, mark_notes
from ecslm.tables.requests import TableRequest, has_leakage
from ecslm.tables.scores import Scores, strict_cell
from ecslm.tables.settings import InstructionsColumn, InstructionsEntry
from ecslm.tables.sources import Sources

# Of a column whose tasks disagree; a note tells which is which.
MIXED = "mixed"


def build(name: str, request: TableRequest, sources: Sources) -> Table:
    """The table from metrics files and the reports on overlap: a panel for each model."""
    entry = request.table
    assert isinstance(entry, InstructionsEntry)
    scores = Scores(sources.results, request)
    leakage = {
        task: read_result(sources.results / leakage_path(task), Leakage)
        for task in entry.tasks
        if has_leakage(request, task)
    }
    found = {column.setting: _by_task(column, leakage) for column in entry.columns}
    columns = tuple(
        HeaderCell(
            key=column.setting,
            text=column.title,
            detail=_label(found[column.setting]),
            lower_is_better=False,
        )
        for column in entry.columns
    )
    panels = tuple(
        Panel(model, "Task", columns, (RowGroup("", _rows(entry, scores, model)),))
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
            *mark_notes(panels),
            *(note for panel in panels for note in _seeds(panel, request)),
            data_note(request.data),
        ),
    )


def _by_task(column: InstructionsColumn, leakage: Mapping[str, Leakage]) -> dict[str, str]:
    """What the data says of the column's instructions, for the tasks that have the setting."""
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


def _rows(entry: InstructionsEntry, scores: Scores, model: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            name=task,
            kind="other",
            cells=tuple(
                strict_cell(scores.model(model, task, column.setting)) for column in entry.columns
            ),
        )
        for task in entry.tasks
    )


def _disagreements(
    entry: InstructionsEntry, found: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    for column in entry.columns:
        by_task = found[column.setting]
        if _label(by_task) == MIXED:
            tasks = ", ".join(f"{task} {label}" for task, label in by_task.items())
            yield f"{column.title}: {tasks}."


def _seeds(panel: Panel, request: TableRequest) -> list[str]:
    """That the cells of a model with several seeds are means."""
    seeds = len(request.context.models[panel.title].seeds)
    return [f"{panel.title}: mean over {seeds} seeds, no interval."] if seeds > 1 else []
