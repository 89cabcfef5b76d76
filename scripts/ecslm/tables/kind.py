"""Kinds of tables: what a kind consists of, and how kinds are found and loaded by name.

A kind is a module of `ecslm.tables.kinds` and the template `report/{kind}.tex.jinja`; nothing else
lists the kinds. No module imports a kind, so that its code is in no other table's digest.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, cast

from pydantic import BaseModel

from ecslm.common.cli import read_settings
from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.tables import kinds
from ecslm.tables.model import Table
from ecslm.tables.requests import AnyEntry, TableRequest, request_schema, table_request
from ecslm.tables.sources import Sources


def _no_files(_request: TableRequest[AnyEntry]) -> list[str]:
    return []


def _no_problems(_request: TableRequest[AnyEntry], _resources: Mapping[str, Path]) -> list[str]:
    return []


@dataclass(frozen=True)
class Kind(Generic[AnyEntry]):
    """A kind of table: the constant `KIND` of its module.

    Attributes:
        entry: schema of its entries in config.yaml; the only value of `kind` is the module's name.
        place: sort key of its tables in the report; ties are sorted by table name.
        build: builds a table from its name, request and files.
        files: the files that a table reads, relative to the study's results directory.
        resources: files of the repository that it reads, by the option of render_table.py.
        problems: names in an entry that these files lack, as `field: message`.
    """

    entry: type[AnyEntry]
    place: int
    build: Callable[[str, TableRequest[AnyEntry], Sources], Table]
    files: Callable[[TableRequest[AnyEntry]], list[str]] = _no_files
    resources: Mapping[str, Path] = field(default_factory=dict)
    problems: Callable[[TableRequest[AnyEntry], Mapping[str, Path]], list[str]] = _no_problems


@cache
def kind_names() -> tuple[str, ...]:
    """The names of all kinds, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)))


def kind_module(name: str) -> str:
    """The module of a kind."""
    return f"{kinds.__name__}.{name}"


def table_kind(name: str) -> Kind[Any]:
    """The kind with this name.

    Raises:
        InputError: there is no such kind.
    """
    if name not in kind_names():
        raise InputError(_unknown(name))
    return cast(Kind[Any], import_module(kind_module(name)).KIND)


def _unknown(name: str) -> str:
    return f"unknown kind of table {name}{nearest(name, kind_names())}"


def table_kinds() -> dict[str, Kind[Any]]:
    """All kinds by name."""
    return {name: table_kind(name) for name in kind_names()}


def resource_options() -> dict[str, str]:
    """The options of render_table.py that name files of the repository, with their kinds."""
    readers: dict[str, list[str]] = {}
    for name, kind in table_kinds().items():
        for option in kind.resources:
            readers.setdefault(option, []).append(name)
    return {option: ", ".join(names) for option, names in sorted(readers.items())}


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
    if name not in kind_names():
        raise InputError(Problem(_unknown(name), "--settings", field="table.kind"))
    kind = table_kind(name)
    request = read_settings(settings, request_schema(kind.entry))
    # Written by hand, it may hold more of the study than its table shows.
    return kind, table_request(request.table, request.context)
