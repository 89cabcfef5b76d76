"""The parameters table: exact counts from the architectures, without any weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.models.architecture import (
    HEAD,
    Shape,
    llama_architecture,
    read_architectures,
    updated_layers,
)
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED
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
from ecslm.tables.references import TunedModelName
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import AdapterContext, Entry
from ecslm.tables.sources import Sources, source_name

COLUMNS = (
    HeaderCell("total", "Total", "millions"),
    HeaderCell("trainable", "Trainable", "millions"),
    HeaderCell("share", "Trainable", "%"),
)
PRINTED = HeaderCell("published", "Published", "trainable", form="text")

NOTE = (
    "Counted from the architectures. Total: the base model, with an embedding shared by input and "
    "output counted once. Trainable: the adapter's matrices, in addition to the base model."
)


class ParametersEntry(Entry):
    """Total and trainable parameters."""

    SHOWS_DATA: ClassVar[bool] = False

    kind: Literal["parameters"]
    models: tuple[TunedModelName, ...] = Field(min_length=1, description="Tuned models, in order.")


Request = TableRequest[ParametersEntry]


@dataclass(frozen=True)
class Counts:
    """Parameters of a base model, and of the adapter that is trained on it."""

    base: int
    adapter: int


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
    printed = _read_printed(sources.resources.get("published"))
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


def count_parameters(row: Mapping[str, str], adapter: AdapterContext) -> Counts:
    """Count by arithmetic, in milliseconds: building the model takes torch and peft 15 s.

    Args:
        row: a row of architectures.csv, all of which are Llama models: without biases, and with
            RMSNorm twice in each block and once after the last.
        adapter: low-rank adaptation (E. J. Hu et al., 2021): for a layer of shape (m, n), matrices
            of shape (m, rank) and (rank, n).
    """
    architecture = llama_architecture(row)
    layers = dict(architecture.layers)
    if row["tie_word_embeddings"] == "true":
        del layers[HEAD]
    norms = int(row["hidden_size"]) * (2 * int(row["num_hidden_layers"]) + 1)
    updated = updated_layers(architecture, adapter.target_modules)
    return Counts(
        base=norms + sum(m * n for m, n in _shapes(layers)),
        adapter=sum(adapter.rank * (m + n) for m, n in _shapes(updated)),
    )


def _shapes(layers: Mapping[str, Shape]) -> list[tuple[int, int]]:
    """Those of an architecture of the file, which are all known."""
    return [shape for shape in layers.values() if shape]


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


def _read_printed(path: Path | None) -> dict[str, Cell]:
    if path is None:
        return {}
    return {
        row["model"]: Cell(
            value=row["trainable"], shown=row["trainable"], sources=(source_name(path),)
        )
        for row in read_csv(path, ("model", "trainable"))
    }


KIND = Kind(
    entry=ParametersEntry,
    place=10,
    build=build,
    resources={
        "published": PUBLISHED / "parameters.csv",
        "architectures": ARCHITECTURES,
    },
    problems=problems,
)
