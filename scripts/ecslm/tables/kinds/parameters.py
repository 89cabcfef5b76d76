"""The parameters table: exact counts from the architectures, without any weights."""

from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.files import read_csv
from ecslm.schemas.paths import ARCHITECTURES, PUBLISHED_PARAMETERS
from ecslm.schemas.references import TunedModelName
from ecslm.tables.inputs import Inputs, TableEntry
from ecslm.tables.model import Cell, HeaderCell, Panel, Table, row_groups
from ecslm.tidy.settings import source_name

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


class ParametersEntry(TableEntry):
    """Total and trainable parameters."""

    RESOURCES: ClassVar = {"published": PUBLISHED_PARAMETERS}

    kind: Literal["parameters"]
    models: tuple[TunedModelName, ...] = Field(min_length=1)
    """Tuned models, in order."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from the counts, with the published values if there are any."""
        source, printed = (str(ARCHITECTURES),), _printed(inputs)
        rows, unknown = {}, []
        for model in self.models:
            base, trained = inputs.study.models[model].parameters or (None, None)
            share = trained / base if base and trained else None
            unknown += [model] if share is None else []
            rows[model] = {
                "total": Cell.of(base, _millions, source),
                "trainable": Cell.of(trained, _millions, source),
                "share": Cell.of(share, lambda share: f"{100 * share:.2f}", source),
                "published": printed.get(model, Cell()),
            }
        columns = (*COLUMNS, PRINTED) if printed else COLUMNS
        panel = Panel("", "Model", columns, row_groups(columns, {"": rows}, "model"))
        missing = f"--: not in {ARCHITECTURES}: the architecture of {', '.join(unknown)}."
        return self.table(name, [panel], [NOTE, *([missing] if unknown else [])])


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f}"


def _printed(inputs: Inputs) -> dict[str, Cell]:
    """The published values by model, as printed; none without a file."""
    if (path := inputs.resources.get("published")) is None:
        return {}
    rows, sources = read_csv(path, ("model", "trainable"), ("model",)), (source_name(path),)
    return {row["model"]: Cell.text(row["trainable"], sources) for row in rows}
