"""The request for one table: its entry with the part of the context it needs, and its inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

from pydantic import model_validator

from ecslm.comparisons.results import comparison_path
from ecslm.data.card.reports import CHECK, description_path, leakage_path
from ecslm.schemas.paths import metric_path, over_seeds_path
from ecslm.tables.settings import (
    Closed,
    ComparisonsEntry,
    DataContext,
    DatasetEntry,
    InstructionsEntry,
    ParametersEntry,
    ReproductionEntry,
    ResultsEntry,
    ScoresEntry,
    TableContext,
    TableSettings,
    ValidityEntry,
)

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Names:
    """What a table names: `models` have metrics, `adapters` are models that are tuned."""

    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()


class TableRequest(Closed):
    """Everything but files that can change a table: the `--settings` of render_table.py."""

    table: TableSettings
    context: TableContext

    @model_validator(mode="after")
    def _known_names(self) -> "TableRequest":
        problems = [
            f"context.{section}: has no {name}"
            for section, names in asdict(_names(self.table)).items()
            for name in names
            if name not in getattr(self.context, section)
        ]
        if not isinstance(self.table, ParametersEntry) and self.context.data is None:
            problems.append("context.data: needed for this table")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def data(self) -> DataContext:
        """Where the records come from."""
        assert self.context.data is not None, "validated above"
        return self.context.data


def table_request(entry: TableSettings, context: TableContext) -> TableRequest:
    """The request with the context cut down to what the table shows.

    So a table is drawn anew only when something in it changed: the parameters table, for example,
    knows nothing of the data.
    """
    names = _names(entry)
    return TableRequest(
        table=entry,
        context=TableContext(
            data=None if isinstance(entry, ParametersEntry) else context.data,
            tasks=_those(context.tasks, names.tasks),
            models={
                name: model.of_tasks(names.tasks)
                for name, model in _those(context.models, names.models).items()
            },
            baselines={
                name: tuple(task for task in tasks if task in names.tasks)
                for name, tasks in _those(context.baselines, names.baselines).items()
            },
            adapters=_those(context.adapters, names.adapters),
            contrasts=_those(context.contrasts, names.contrasts),
        ),
    )


def _those(known: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    """The entries of some names; those that are not there are told by the request's validation."""
    return {name: known[name] for name in names if name in known}


def metric_files(request: TableRequest) -> list[str]:
    """The scores that the table reads, relative to the study's results folder."""
    names, context = _names(request.table), request.context
    paths = []
    for name in names.models:
        model = context.models[name]
        for task in names.tasks:
            if task in model.tasks:
                paths += [metric_path(name, seed, task) for seed in model.seeds]
                if shows_intervals(request) and len(model.seeds) > 1:
                    paths.append(over_seeds_path(name, task))
    paths += [
        metric_path(baseline, 0, task)
        for baseline in names.baselines
        for task in names.tasks
        if task in context.baselines[baseline]
    ]
    return paths


def shows_intervals(request: TableRequest) -> bool:
    """Whether the table shows intervals, which for several seeds have a file of their own."""
    match request.table:
        case ScoresEntry():
            return request.table.spread == "interval"
        case entry:
            return isinstance(entry, ReproductionEntry)


def other_files(request: TableRequest) -> list[str]:
    """What the table reads beside scores, relative to the study's results folder."""
    match request.table:
        case DatasetEntry():
            tasks = request.table.tasks
            return [CHECK, *map(description_path, tasks), *_leakage_files(request, tasks)]
        case InstructionsEntry():
            tasks = request.table.tasks
            compared = tasks if request.table.contrast else ()
            return [*_leakage_files(request, tasks), *map(comparison_path, compared)]
        case ComparisonsEntry():
            return [*map(comparison_path, request.table.columns)]
        case _:
            return []


def _leakage_files(request: TableRequest, tasks: Iterable[str]) -> list[str]:
    return [leakage_path(task) for task in tasks if has_leakage(request, task)]


def has_leakage(request: TableRequest, task: str) -> bool:
    """Whether the task has test and training records to be compared."""
    context = request.context.tasks[task]
    return context.test and context.train


def _names(entry: TableSettings) -> _Names:
    match entry:
        case ParametersEntry():
            return _Names(adapters=entry.models)
        case DatasetEntry():
            return _Names(tasks=entry.tasks)
        case InstructionsEntry():
            contrasts = (entry.contrast,) if entry.contrast else ()
            return _Names(tasks=entry.tasks, models=entry.models, contrasts=contrasts)
        case ResultsEntry():
            return _Names(
                tasks=entry.columns,
                models=tuple(name for group in entry.rows for name in group.models),
                baselines=tuple(name for group in entry.rows for name in group.baselines),
            )
        case ComparisonsEntry():
            return _Names(tasks=entry.columns, contrasts=entry.contrasts)
        case ValidityEntry() | ReproductionEntry():
            return _Names(tasks=entry.columns, models=entry.models)
