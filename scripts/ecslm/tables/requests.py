"""The request for one table: its entry, and the part of the study that it needs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from pydantic import SerializeAsAny, model_validator

from ecslm.schemas.paths import metric_path, over_seeds_path
from ecslm.schemas.settings import Closed
from ecslm.tables.references import names_in
from ecslm.tables.settings import DataContext, Entry, TableContext
from ecslm.tables.simple import simple_files

AnyEntry = TypeVar("AnyEntry", bound=Entry)
Value = TypeVar("Value")


class TableRequest(Closed, Generic[AnyEntry]):
    """Everything except files that can change a table: the `--settings` of render_table.py."""

    table: SerializeAsAny[AnyEntry]
    context: TableContext

    @model_validator(mode="after")
    def _known_names(self) -> "TableRequest[AnyEntry]":
        problems = [
            f"context.{section}: has no {name}"
            for section, names in _names(self.table).items()
            for name in names
            if name not in getattr(self.context, section)
        ]
        if self.table.SHOWS_DATA and self.context.data is None:
            problems.append("context.data: needed for this table")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def data(self) -> DataContext:
        """The source of the records."""
        assert self.context.data is not None, "validated above"
        return self.context.data


def request_schema(entry: type[AnyEntry]) -> type[TableRequest[AnyEntry]]:
    """The schema of requests whose entry is of one kind."""
    return TableRequest[entry]  # type: ignore[valid-type]


def table_request(entry: AnyEntry, context: TableContext) -> TableRequest[AnyEntry]:
    """The request with the context cut down to what the table shows.

    So a table is rebuilt only when something in it changed: the parameters table, for example,
    does not depend on the data.

    Raises:
        ValidationError: the context lacks something that the entry names.
    """
    names = _names(entry)
    tasks = names["tasks"]
    return TableRequest(
        table=entry,
        context=TableContext(
            data=context.data if entry.SHOWS_DATA else None,
            tasks=_subset(context.tasks, tasks),
            models={
                name: model.of_tasks(tasks)
                for name, model in _subset(context.models, names["models"]).items()
            },
            baselines={
                name: tuple(task for task in of_tasks if task in tasks)
                for name, of_tasks in _subset(context.baselines, names["baselines"]).items()
            },
            adapters=_subset(context.adapters, names["adapters"]),
            costs=_subset(context.costs, names["costs"]),
            contrasts={
                name: contrast.of_tasks(tasks)
                for name, contrast in _subset(context.contrasts, names["contrasts"]).items()
            },
            simple=_subset(context.simple, tasks) if entry.JUDGES else {},
            setting_titles=_titles(entry, context, names["contrasts"]),
        ),
    )


def metric_files(context: TableContext, with_intervals: bool = False) -> list[str]:
    """The scores of a table's models and baselines, and those of which one is the best simple
    baseline, relative to the study's results directory.

    With intervals, models with several seeds have an additional file: the interval of the mean.
    """
    paths = []
    for name, model in context.models.items():
        for task in model.tasks:
            paths += [metric_path(name, seed, task) for seed in model.seeds]
            if with_intervals and len(model.seeds) > 1:
                paths.append(over_seeds_path(name, task))
    for name, tasks in context.baselines.items():
        paths += [metric_path(name, 0, task) for task in tasks]
    for task, names in context.simple.items():
        paths += simple_files(task, names)
    return list(dict.fromkeys(paths))


def _names(entry: Entry) -> dict[str, list[str]]:
    """The names in an entry, by the section of the context that describes them."""
    names: dict[str, list[str]] = {
        section: []
        for section in TableContext.model_fields
        if section not in ("data", "simple", "setting_titles")
    }
    for named in names_in(entry.model_dump(), type(entry)):
        section = named.reference.context
        if section and named.name not in names[section]:
            names[section].append(named.name)
    return names


def _titles(entry: Entry, context: TableContext, contrasts: Sequence[str]) -> Mapping[str, str]:
    """The titles of the settings that an entry names; of all, where contrasts name them."""
    if not entry.SHOWS_DATA:
        return {}
    if contrasts:
        return context.setting_titles
    found = names_in(entry.model_dump(), type(entry))
    settings = [named.name for named in found if named.reference.part.startswith("settings")]
    return _subset(context.setting_titles, settings)


def _subset(known: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    """The entries of some names; those that are missing fail the request's validation."""
    return {name: known[name] for name in names if name in known}
