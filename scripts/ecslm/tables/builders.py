"""The builder of each table kind, loaded by name so that a kind's code is no part of another's."""

from importlib import import_module

from ecslm.tables.model import Table
from ecslm.tables.requests import TableRequest
from ecslm.tables.sources import Sources


def build_table(name: str, request: TableRequest, sources: Sources) -> Table:
    """The table called `name`, built by the module `ecslm.tables.kinds.{kind}`."""
    builder = import_module(f"ecslm.tables.kinds.{request.table.kind}")
    table: Table = builder.build(name, request, sources)
    return table
