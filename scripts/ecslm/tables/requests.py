"""The request for one table: its entry with the part of the context it needs, and its inputs."""

from pydantic import model_validator

from ecslm.data_card.reports import CHECK, description_path, leakage_path
from ecslm.tables.settings import (
    Closed,
    DataContext,
    DatasetEntry,
    InstructionsEntry,
    ParametersEntry,
    ReproductionEntry,
    ResultsEntry,
    TableContext,
    TableSettings,
    ValidityEntry,
)


class TableRequest(Closed):
    """Everything but files that can change a table: the `--settings` of render_table.py."""

    table: TableSettings
    context: TableContext

    @model_validator(mode="after")
    def _known_names(self) -> "TableRequest":
        tasks, models, baselines, adapters = _names(self.table)
        context = self.context
        problems = [
            f"context.{section}: has no {name}"
            for section, names, known in (
                ("tasks", tasks, context.tasks),
                ("models", models, context.models),
                ("baselines", baselines, context.baselines),
                ("adapters", adapters, context.adapters),
            )
            for name in names
            if name not in known
        ]
        if not isinstance(self.table, ParametersEntry) and context.data is None:
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
    tasks, models, baselines, adapters = _names(entry)
    return TableRequest(
        table=entry,
        context=TableContext(
            data=None if isinstance(entry, ParametersEntry) else context.data,
            tasks={name: context.tasks[name] for name in tasks if name in context.tasks},
            models={
                name: context.models[name].of_tasks(tasks)
                for name in models
                if name in context.models
            },
            baselines={
                name: tuple(task for task in context.baselines[name] if task in tasks)
                for name in baselines
                if name in context.baselines
            },
            adapters={
                name: context.adapters[name] for name in adapters if name in context.adapters
            },
        ),
    )


def metric_files(request: TableRequest) -> list[str]:
    """The metrics files that the table reads, relative to the study's results folder."""
    tasks, models, baselines, _ = _names(request.table)
    context = request.context
    paths = [
        metric_path(model, seed, task)
        for model in models
        for seed in context.models[model].seeds
        for task in tasks
        if task in context.models[model].tasks
    ]
    paths += [
        metric_path(baseline, 0, task)
        for baseline in baselines
        for task in tasks
        if task in context.baselines[baseline]
    ]
    return paths


def data_files(request: TableRequest) -> list[str]:
    """What the table reads of the data, relative to the study's results folder."""
    if not isinstance(request.table, DatasetEntry | InstructionsEntry):
        return []
    tasks = request.table.tasks
    overlap = [leakage_path(task) for task in tasks if has_leakage(request, task)]
    if isinstance(request.table, InstructionsEntry):
        return overlap
    return [CHECK, *(description_path(task) for task in tasks), *overlap]


def has_leakage(request: TableRequest, task: str) -> bool:
    """Whether the task has test and training records to be compared."""
    context = request.context.tasks[task]
    return context.test and context.train


def metric_path(name: str, seed: int, task: str) -> str:
    """Path of a metrics file in the study's results folder; baselines have the seed 0."""
    return f"metrics/{name}/seed-{seed}/{task}.json"


def _names(entry: TableSettings) -> tuple[list[str], list[str], list[str], list[str]]:
    """Tasks, models with metrics, baselines, and models with adapters that a table names."""
    match entry:
        case ParametersEntry():
            return [], [], [], list(entry.models)
        case DatasetEntry():
            return list(entry.tasks), [], [], []
        case InstructionsEntry():
            return list(entry.tasks), list(entry.models), [], []
        case ResultsEntry():
            models = [name for group in entry.rows for name in group.models]
            baselines = [name for group in entry.rows for name in group.baselines]
            return list(entry.columns), models, baselines, []
        case ValidityEntry() | ReproductionEntry():
            return list(entry.columns), list(entry.models), [], []
