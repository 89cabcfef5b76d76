"""Kinds of tables, and the request for one table: its entry, and what it needs of the study.

A kind is a module of `ecslm.tables.kinds`. No module imports a kind, so that its code is in no
other table's digest: it is loaded by its name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, SerializeAsAny

from ecslm.common.cli import read_settings
from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.schemas.settings import Closed
from ecslm.tables.model import Table
from ecslm.tables.references import names_in
from ecslm.tables.settings import ContrastContext, DataContext, Entry, TableContext, only
from ecslm.tables.sources import Sources

# In the order of a report.
KINDS = (
    "claims",
    "cost",
    "parameters",
    "dataset",
    "results",
    "instructions",
    "comparisons",
    "validity",
    "reproduction",
)
SECTIONS = ("tasks", "models", "baselines", "contrasts")

AnyEntry = TypeVar("AnyEntry", bound=Entry)


class TableRequest(Closed, Generic[AnyEntry]):
    """Everything except files that can change a table: the `--settings` of render_table.py."""

    table: SerializeAsAny[AnyEntry]
    context: TableContext

    @property
    def data(self) -> DataContext:
        """The source of the records."""
        return self.context.data


@dataclass(frozen=True)
class Kind(Generic[AnyEntry]):
    """A kind of table: the constant `KIND` of its module.

    Attributes:
        entry: schema of its entries in config.yaml; the only value of `kind` is the module's name.
        build: builds a table from its name, request and files.
        files: the files that a table reads, relative to the study's results directory.
        resources: files of the repository that it reads, by the option of render_table.py.
        problems: names in an entry that these files lack, as `field: message`.
    """

    entry: type[AnyEntry]
    build: Callable[[str, TableRequest[AnyEntry], Sources], Table]
    files: Callable[[TableRequest[AnyEntry]], Iterable[str]] = lambda _request: ()
    resources: Mapping[str, Path] = field(default_factory=dict)
    problems: Callable[[TableRequest[AnyEntry], Mapping[str, Path]], Iterable[str]] = (
        lambda _request, _resources: ()
    )


def kind_module(name: str) -> str:
    """The module of a kind."""
    return f"ecslm.tables.kinds.{name}"


def table_kind(name: str) -> Kind[Any]:
    """The kind with this name, one of `KINDS`."""
    return cast(Kind[Any], import_module(kind_module(name)).KIND)


def table_request(entry: AnyEntry, context: TableContext) -> TableRequest[AnyEntry]:
    """The request with the context cut down to what the table shows.

    So a table is rebuilt only when something in it changed: the parameters table, for example,
    does not depend on the data.

    Raises:
        InputError: the context lacks something that the entry names.
    """
    names = names_shown(entry)
    if problems := [
        f"context.{section}: has no {name}"
        for section in SECTIONS
        for name in names[section]
        if name not in getattr(context, section)
    ]:
        raise InputError(*(Problem(problem, "--settings") for problem in problems))
    tasks = names["tasks"]
    return TableRequest(
        table=entry,
        context=TableContext(
            data=context.data if entry.SHOWS_DATA else DataContext(),
            tasks={name: context.tasks[name] for name in tasks},
            models={
                name: context.models[name].shown(entry.OF_MODELS, tasks or None)
                for name in names["models"]
            },
            baselines={name: only(context.baselines[name], tasks) for name in names["baselines"]},
            contrasts={
                name: ContrastContext(
                    title=context.contrasts[name].title,
                    tasks=only(context.contrasts[name].tasks, tasks),
                )
                for name in names["contrasts"]
            },
            simple={task: context.simple[task] for task in tasks if task in context.simple}
            if entry.JUDGES
            else {},
            setting_titles=context.setting_titles if entry.SHOWS_DATA else {},
        ),
    )


def names_shown(entry: Entry) -> dict[str, list[str]]:
    """The names in an entry, by the section of the context that describes them."""
    names: dict[str, dict[str, None]] = {section: {} for section in SECTIONS}
    for named in names_in(entry.model_dump(), type(entry)):
        if named.reference.context:
            names[named.reference.context][named.name] = None
    return {section: list(found) for section, found in names.items()}


class _OfKind(BaseModel):
    kind: str


class _RequestOfKind(BaseModel):
    table: _OfKind


def read_request(settings: str) -> tuple[Kind[Any], TableRequest[Any]]:
    """A table's kind and its request (JSON or `@file`), validated by the schema of the kind.

    Raises:
        InputError: there is no such kind, or the request does not fit its schema.
    """
    name = read_settings(settings, _RequestOfKind).table.kind
    if name not in KINDS:
        unknown = f"unknown kind of table {name}{nearest(name, KINDS)}"
        raise InputError(Problem(unknown, "--settings", field="table.kind"))
    kind = table_kind(name)
    request = read_settings(settings, TableRequest[kind.entry])  # type: ignore[name-defined]
    # Written by hand, it may hold more of the study than its table shows.
    return kind, table_request(request.table, request.context)
