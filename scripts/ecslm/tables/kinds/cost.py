"""The cost table: what training and answers take here, and what an API takes.

Clock values are in it, in the files that it is built from, and in the report's costs; no other
result has any.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.tidy_rows import read_tidy
from ecslm.schemas.cost import Prices
from ecslm.schemas.paths import ARCHITECTURES, COSTS_PARQUET
from ecslm.schemas.references import ModelName
from ecslm.schemas.settings import Closed
from ecslm.tables.costs import COLUMNS, REQUESTS, Costs, ModelCost
from ecslm.tables.inputs import Inputs, TableEntry
from ecslm.tables.model import Cell, HeaderCell, Panel, Sources, Table, amount_text, row_groups
from ecslm.tables.scores import Published
from ecslm.tidy.costs import ANSWERS
from ecslm.tidy.study import StudyContext

TRAINABLE = HeaderCell("trainable", "Trainable", "parameters", form="count")


class ListPrices(Prices):
    """What an API charges for tokens, as published."""

    source: str
    """Where that is published."""


class Hardware(Closed):
    """What an hour of a device costs: of a GPU, or of the machine whose CPU models run on."""

    name: str
    """Name of the device, and of its provider."""
    price: float = Field(ge=0)
    """Per hour of one device."""
    currency: str = Field(pattern="^[A-Z]{3}$")
    """Such as USD."""
    as_of: date
    """Day of the price."""
    source: str
    """Where it is published."""


class CostEntry(TableEntry):
    """What models cost: training, memory, speed, latency, and 1,000 requests."""

    READS: ClassVar = (COSTS_PARQUET,)

    kind: Literal["cost"]
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Models, in order."""
    latency: tuple[ModelName, ...] = ()
    """Models whose latency is measured and shown; that of others is measured only by the target
    `latency`."""
    hardware: Hardware | None = None
    """Price of the hardware that models run on here."""
    apis: dict[str, ListPrices] = {}
    """List prices of models that are not run, by the name of their row."""
    tokens_of: ModelName | None = None
    """Model whose tokens per request are used to estimate the cost of an API (default: the first
    of `models`)."""

    @property
    def currency(self) -> str | None:
        """The currency of all prices; None without any."""
        return next((one.currency for one in (self.hardware, *self.apis.values()) if one), None)

    @property
    def _asked(self) -> str:
        return self.tokens_of or self.models[0]

    def problems(self, study: StudyContext, published: Published) -> Iterator[str]:  # noqa: ARG002
        """Models whose latency cannot be measured, and prices in another currency."""
        models = study.models
        for name in self.latency:
            if models[name].learned or not models[name].local:
                why = "its weights do not run here, so that nothing can be measured"
                yield f"latency: {name}: {why}"
        own = (models[name].prices for name in self.models)
        currencies = {one.currency for one in (self.hardware, *self.apis.values(), *own) if one}
        if len(currencies) > 1:
            yield f"prices are in {', '.join(sorted(currencies))}: give all in one currency"

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from measured costs, counts of parameters, and prices."""
        study, rows = inputs.study, read_tidy(inputs.results / COSTS_PARQUET)
        hourly = self.hardware.price if self.hardware else nan
        models = [
            ModelCost(rows, one, study.models[one], hourly, one in self.latency)
            for one in self.models
            if study.models[one].tasks
        ]
        measured: dict[str, dict[str, Cell]] = {}
        for one in models:
            measured[one.name] = {
                head.key: _amount(one.values[head.key], one.sources[head.text]) for head in COLUMNS
            }
            if counts := one.context.parameters:
                measured[one.name][TRAINABLE.key] = Cell.count(counts[1], (str(ARCHITECTURES),))
        unit = self.currency or "price"
        columns = (TRAINABLE, *(replace(one, detail=one.detail or unit) for one in COLUMNS))
        groups = row_groups(columns, {"Measured here": measured}, "model")
        if self.apis:
            asked = Costs(rows, step=[ANSWERS], model=[self._asked])
            listed = {
                api: {"price": _amount(asked.price_by_tokens(one), asked.sources, "estimated")}
                for api, one in self.apis.items()
            }
            groups += row_groups(columns, {"Estimated from list prices": listed})
        notes = [*self._notes(study, models), study.data.note]
        return self.table(name, [Panel("", "Model", columns, groups)], notes)

    def _notes(self, study: StudyContext, models: Sequence[ModelCost]) -> Iterator[str]:
        """What the columns mean, where it was measured, and whose prices these are."""
        yield (
            "Training: one adapter, mean over seeds; of a learned baseline all tasks. GB: peak "
            f"memory. A request is a test record of any task and setting. Tokens/s and the price "
            f"of {REQUESTS:,} requests are those of a loaded model that answers in batches, on a "
            "device that is never idle."
        )
        if used := dict.fromkeys(device for one in models for device in one.devices):
            yield f"Measured on: {', '.join(used)}."
        if counts := {str(one.timed): None for one in models if one.timed is not None}:
            prompts = " or ".join(counts)
            yield f"Latency: seconds until a single prompt is answered; {prompts} test prompts."
        if (rent := self.hardware) is not None:
            yield (
                f"An hour of {rent.name}: {rent.currency} {amount_text(rent.price)} on "
                f"{rent.as_of} ({rent.source})."
            )
        own = {one.name: one.context.prices for one in models if one.context.prices}
        for name, prices in (*self.apis.items(), *own.items()):
            source = f" ({prices.source})" if isinstance(prices, ListPrices) else ""
            yield (
                f"{name}: {prices.currency} {prices.input:g} and {prices.output:g} per million "
                f"tokens of prompts and answers on {prices.as_of}{source}."
            )
        if self.apis:
            yield f"Estimated: for the tokens of {self._asked}; other tokenizers differ."
        if absent := [name for name in self.models if not study.models[name].tasks]:
            yield f"Not run, and therefore without a row: {', '.join(absent)}."
        yield (
            "--: not measured or not known. Energy is what a GPU reports, for trainings that were "
            "not interrupted."
        )


def _amount(value: float, sources: Sources, *marks: str) -> Cell:
    return Cell.of(None if isnan(value) else value, amount_text, sources, *marks)
