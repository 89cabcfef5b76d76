"""The parameters table: exact counts from the architectures, without any weights."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.models.architecture import read_architectures
from ecslm.models.parameter_counts import count_adapter, count_base
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED_PARAMETERS
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table, number_cell, text_cell
from ecslm.tables.references import TunedModelName
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
    OF_MODELS: ClassVar[tuple[str, ...]] = ("adapter",)

    kind: Literal["parameters"]
    models: tuple[TunedModelName, ...] = Field(min_length=1, description="Tuned models, in order.")


Request = TableRequest[ParametersEntry]


def problems(request: Request, resources: Mapping[str, Path]) -> Iterator[str]:
    """Models whose architecture is unknown."""
    path = resources["architectures"]
    known = read_architectures(path)
    for model, one in request.context.models.items():
        if one.adapter and one.adapter.architecture not in known:
            yield (
                f"models: {model}: {one.adapter.architecture} is not in {path}: add it there, or "
                "name its row in the study's `architectures`"
            )


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from the architectures, with the published values if there are any."""
    path = sources.require("architectures")
    architectures, source = read_architectures(path), (source_name(path),)
    printed = _printed(sources.resources.get("published"))
    rows = []
    for model, one in request.context.models.items():
        adapter = one.adapter
        if adapter is None or adapter.architecture not in architectures:
            missing = adapter.architecture if adapter else model
            raise InputError(f"{path}: has no architecture {missing} (of {model})")
        base = count_base(architectures[adapter.architecture])
        trained = count_adapter(
            architectures[adapter.architecture], adapter.rank, adapter.target_modules
        )
        cells = [
            number_cell(base, _millions, source),
            number_cell(trained, _millions, source),
            number_cell(trained / base, lambda share: f"{100 * share:.2f}", source),
        ]
        cells += [printed.get(model, Cell())] if printed else []
        rows.append(Row(name=model, kind="model", cells=tuple(cells)))
    columns = (*COLUMNS, PRINTED) if printed else COLUMNS
    return request.table.table(
        name, [Panel("", "Model", columns, (RowGroup("", tuple(rows)),))], [NOTE]
    )


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f}"


def _printed(path: Path | None) -> dict[str, Cell]:
    """The published values by model, as printed; none without a file."""
    if path is None:
        return {}
    rows = read_csv(path, ("model", "trainable"), ("model",))
    return {row["model"]: text_cell(row["trainable"], (source_name(path),)) for row in rows}


KIND = Kind(
    entry=ParametersEntry,
    build=build,
    resources={"published": PUBLISHED_PARAMETERS, "architectures": ARCHITECTURES},
    problems=problems,
)
