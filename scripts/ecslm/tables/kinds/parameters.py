"""The parameters table: exact counts from the architectures, without any weights."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.models.parameter_counts import count_adapter, count_base
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED_PARAMETERS
from ecslm.tables.entry import Entry
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table, number_cell, text_cell
from ecslm.tables.references import TunedModelName

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

    RESOURCES: ClassVar = {"published": PUBLISHED_PARAMETERS, "architectures": ARCHITECTURES}

    kind: Literal["parameters"]
    models: tuple[TunedModelName, ...] = Field(min_length=1, description="Tuned models, in order.")

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """Models whose architecture is unknown."""
        for model in self.models:
            adapter = inputs.study.models[model].adapter
            if adapter and adapter.architecture not in inputs.architectures:
                yield (
                    f"models: {model}: {adapter.architecture} is not in "
                    f"{inputs.required('architectures')}: add it there, or name its row in the "
                    "study's `architectures`"
                )

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from the architectures, with the published values if there are any."""
        source, printed = inputs.source("architectures"), _printed(inputs)
        rows = []
        for model in self.models:
            adapter = inputs.study.models[model].adapter
            architecture = inputs.architectures.get(adapter.architecture) if adapter else None
            if adapter is None or architecture is None:
                missing = adapter.architecture if adapter else model
                path = inputs.required("architectures")
                raise InputError(f"{path}: has no architecture {missing} (of {model})")
            base = count_base(architecture)
            trained = count_adapter(architecture, adapter.rank, adapter.target_modules)
            cells = [
                number_cell(base, _millions, source),
                number_cell(trained, _millions, source),
                number_cell(trained / base, lambda share: f"{100 * share:.2f}", source),
            ]
            cells += [printed.get(model, Cell())] if printed else []
            rows.append(Row(model, "model", tuple(cells)))
        columns = (*COLUMNS, PRINTED) if printed else COLUMNS
        return self.table(name, [Panel("", "Model", columns, (RowGroup("", tuple(rows)),))], [NOTE])


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f}"


def _printed(inputs: Inputs) -> dict[str, Cell]:
    """The published values by model, as printed; none without a file."""
    if "published" not in inputs.resources:
        return {}
    rows = read_csv(inputs.resources["published"], ("model", "trainable"), ("model",))
    source = inputs.source("published")
    return {row["model"]: text_cell(row["trainable"], source) for row in rows}
