"""The parameters table: exact counts from the architectures, without any weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.models.architecture import read_architectures
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED_PARAMETERS
from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    MISSING,
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
)
from ecslm.tables.parameter_counts import Counts, count_parameters
from ecslm.tables.references import TunedModelName
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources, source_name

COLUMNS = (
    HeaderCell("total", "Total", "millions"),
    HeaderCell("trainable", "Trainable", "millions"),
    HeaderCell("share", "Trainable", "%"),
)
PRINTED = HeaderCell("published", "Published", "trainable", form="text")

NOTE = (
    "Counted from the architectures. Total: the base model, with an embedding shared by input and "
    "output counted once. Trainable: the adapter's matrices, in addition to the base model, "
    "and in per cent of that total, to which they do not count."
)


class ParametersEntry(Entry):
    """Total and trainable parameters."""

    SHOWS_DATA: ClassVar[bool] = False

    kind: Literal["parameters"]
    models: tuple[TunedModelName, ...] = Field(min_length=1, description="Tuned models, in order.")


Request = TableRequest[ParametersEntry]


def problems(request: Request, resources: Mapping[str, Path]) -> list[str]:
    """Models whose architecture is unknown."""
    path = resources["architectures"]
    known = read_architectures(path)
    return [
        f"models: {model}: {adapter.architecture} is not in {path}: add it there, or name its row "
        "in the study's `architectures`"
        for model, adapter in request.context.adapters.items()
        if adapter.architecture not in known
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from the architectures, with the published values if there are any."""
    entry = request.table
    path = sources.require("architectures")
    architectures = read_architectures(path)
    printed = read_printed(sources.resources.get("published"))
    rows = []
    for model in entry.models:
        adapter = request.context.adapters[model]
        if adapter.architecture not in architectures:
            raise InputError(f"{path}: has no architecture {adapter.architecture} (of {model})")
        counts = count_parameters(architectures[adapter.architecture], adapter)
        rows.append(_row(model, counts, source_name(path), printed))
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=(
            Panel(
                title="",
                head="Model",
                columns=(*COLUMNS, PRINTED) if printed else COLUMNS,
                groups=(RowGroup("", tuple(rows)),),
            ),
        ),
        notes=(NOTE,),
    )


def _row(model: str, counts: Counts, source: str, printed: dict[str, Cell]) -> Row:
    share = counts.adapter / counts.base
    cells: tuple[Cell, ...] = (
        _millions_cell(counts.base, source),
        _millions_cell(counts.adapter, source),
        number_cell(share, f"{100 * share:.2f}", (source,)),
    )
    if printed:
        cells = (*cells, printed.get(model, Cell(shown=MISSING)))
    return Row(name=model, kind="model", cells=cells)


def _millions_cell(count: int, source: str) -> Cell:
    return Cell(value=count, shown=f"{count / 1e6:.1f}", sources=(source,))


def read_printed(path: Path | None) -> dict[str, Cell]:
    """The published values by model, as printed; none without a file.

    Raises:
        InputError: the file is missing or broken, or has a model twice.
    """
    if path is None:
        return {}
    return {
        row["model"]: Cell(
            value=row["trainable"], shown=row["trainable"], sources=(source_name(path),)
        )
        for row in read_csv(path, ("model", "trainable"), ("model",))
    }


KIND = Kind(
    entry=ParametersEntry,
    place=10,
    build=build,
    resources={
        "published": PUBLISHED_PARAMETERS,
        "architectures": ARCHITECTURES,
    },
    problems=problems,
)
