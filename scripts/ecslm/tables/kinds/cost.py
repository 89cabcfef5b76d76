"""The cost table: what training and answers take here, what an API takes, and when which is less.

With the files that it is built from, the only result with clock values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.models.parameter_counts import count_adapter
from ecslm.schemas.cost import Prices
from ecslm.schemas.paths import ARCHITECTURES
from ecslm.schemas.settings import Closed
from ecslm.tables import costs
from ecslm.tables.costs import REQUESTS, SECONDS_PER_HOUR, Costs, ModelCost
from ecslm.tables.entry import Entry
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Table,
    amount_text,
    count_cell,
    number_cell,
    row_groups,
    text_cell,
)
from ecslm.tables.references import ModelName
from ecslm.tables.settings import TableContext

TRAINABLE = HeaderCell("trainable", "Trainable", "parameters", form="count")
# Break-even with an API that costs less per request.
NEVER = "never"


class ListPrices(Prices):
    """What an API charges for tokens, as published."""

    source: str = Field(description="Where that is published.")


class Hardware(Closed):
    """What an hour of a device costs: of a GPU, or of the machine whose CPU models run on."""

    name: str = Field(description="Name of the device, and of its provider.")
    price: float = Field(ge=0, description="Per hour of one device.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="Such as USD.")
    as_of: date = Field(description="Day of the price.")
    source: str = Field(description="Where it is published.")


class CostEntry(Entry):
    """What models cost: training, memory, speed, latency, and 1,000 requests."""

    RESOURCES: ClassVar = {"architectures": ARCHITECTURES}

    kind: Literal["cost"]
    models: tuple[ModelName, ...] = Field(min_length=1, description="Models, in order.")
    latency: tuple[ModelName, ...] = Field(
        (),
        description="Models whose latency is measured and shown; that of others is measured only "
        "by the target `latency`.",
    )
    hardware: Hardware | None = Field(
        None, description="Price of the hardware that models run on here."
    )
    apis: dict[str, ListPrices] = Field(
        {}, description="List prices of models that are not run, by the name of their row."
    )
    tokens_of: ModelName | None = Field(
        None, description="Model whose tokens per request are used to estimate the cost of an API."
    )

    @model_validator(mode="after")
    def _complete(self) -> "CostEntry":
        problems = [
            f"latency: {name} is not in models" for name in self.latency if name not in self.models
        ]
        if self.apis and self.tokens_of is None:
            problems.append("tokens_of: needed, since there are `apis`")
        if len(set(self._currencies)) > 1:
            problems.append("apis: prices should have the currency of the others")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def _currencies(self) -> list[str]:
        return [one.currency for one in (self.hardware, *self.apis.values()) if one]

    @property
    def currency(self) -> str | None:
        """The currency of all prices; None without any."""
        return next(iter(self._currencies), None)

    def files(self, study: TableContext) -> list[str]:
        """The files with clock values of all models that answer anything."""
        found = []
        for name in (*self.models, *filter(None, [self.tokens_of])):
            if study.models[name].tasks:
                found += costs.answering_files(study, name) + costs.training_files(study, name)
                found += [costs.latency_file(name)] if name in self.latency else []
        return list(dict.fromkeys(found))

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """Models whose latency cannot be measured, and prices in another currency."""
        models = inputs.study.models
        for name in self.latency:
            if models[name].learned or not models[name].local:
                nothing = "its weights do not run here, so that nothing can be measured"
                yield f"latency: {name}: {nothing}"
        for name in self.models:
            own = models[name].prices
            if own and self.currency not in (None, own.currency):
                others = f"its prices are in {own.currency}, others in {self.currency}"
                yield f"models: {name}: {others}"

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from cost and latency files, the architectures, and prices."""
        study, results = inputs.study, inputs.results
        hourly = self.hardware.price if self.hardware else nan
        models = [
            costs.model_cost(results, study, one, one in self.latency, hourly)
            for one in self.models
            if study.models[one].tasks
        ]
        apis: dict[str, Cell] = {}
        if self.tokens_of is not None:
            asked = Costs(results, costs.answering_files(study, self.tokens_of))
            apis = {
                api: _amount(asked.price_by_tokens(prices), asked.sources, "estimated")
                for api, prices in self.apis.items()
            }
        others = {one.name: one.values["price"] for one in models if one.context.prices is not None}
        others |= {api: cell.value for api, cell in apis.items() if isinstance(cell.value, float)}
        panels = [self._models_panel(models, apis, inputs)]
        tuned = [one for one in models if one.tuned]
        if self.hardware is not None and tuned and others:
            columns = tuple(HeaderCell(api, api, form="count") for api in others)
            rows = {
                one.name: {api: _break_even(one, price) for api, price in others.items()}
                for one in tuned
            }
            groups = row_groups(columns, {"": rows}, "model")
            panels.append(Panel("Break-even, requests", "Tuned model", columns, groups))
        summary = self._summary(models, others, panels)
        return self.table(name, panels, self._notes(study, models), study.data, summary)

    def _models_panel(
        self, models: Sequence[ModelCost], apis: Mapping[str, Cell], inputs: Inputs
    ) -> Panel:
        unit = self.currency or "price"
        columns = (TRAINABLE, *(replace(one, detail=one.detail or unit) for one in costs.COLUMNS))
        measured = {one.name: _cells(one, inputs) for one in models}
        groups = row_groups(columns, {"Measured here": measured}, "model")
        if apis:
            listed = {"Estimated from list prices": {api: {"price": apis[api]} for api in apis}}
            groups += row_groups(columns, listed)
        return Panel("", "Model", columns, groups)

    def _notes(self, study: TableContext, models: Sequence[ModelCost]) -> Iterator[str]:
        """What the columns mean, where it was measured, and whose prices these are."""
        yield (
            "Training: one adapter, mean over seeds. GB: peak memory. A request is a test record "
            f"of any task and setting. Tokens/s and the price of {REQUESTS:,} requests are those "
            "of a loaded model that answers in batches, on a device that is never idle."
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
            if any(one.context.learned for one in models):
                yield (
                    "Learned baselines are priced by the same hour; training: of all tasks "
                    "together."
                )
        own = {one.name: one.context.prices for one in models if one.context.prices}
        for name, prices in (*self.apis.items(), *own.items()):
            source = f" ({prices.source})" if isinstance(prices, ListPrices) else ""
            yield (
                f"{name}: {prices.currency} {prices.input:g} and {prices.output:g} per million "
                f"tokens of prompts and answers on {prices.as_of}{source}."
            )
        if self.apis:
            yield (
                f"Estimated: for the number of tokens of the prompts and answers of "
                f"{self.tokens_of}; examples in prompts, longer answers and other tokenizers cost "
                "more or less."
            )
        if self.hardware is not None and (self.apis or own):
            yield (
                "Break-even: the number of requests from which training and answers here cost no "
                "more than the API; never: the API costs less per request."
            )
        if absent := [name for name in self.models if not study.models[name].tasks]:
            yield f"Not run, and therefore without a row: {', '.join(absent)}."
        yield (
            "--: not measured or not known. Energy is what a GPU reports, for trainings that were "
            "not interrupted."
        )

    def _summary(
        self, models: Sequence[ModelCost], others: Mapping[str, float], panels: Sequence[Panel]
    ) -> Iterator[str]:
        """What training and requests cost, from the smallest to the largest value."""
        currency = self.currency
        tuned = [one for one in models if one.tuned]
        learned = [one for one in models if one.context.learned]
        sentences = []

        def span(of: Sequence[ModelCost], key: str, form: str) -> str:
            return _range({one.name: one.values[key] for one in of}, form)

        if spent := span(tuned, "training device-hours", "{} device-hours"):
            who = tuned[0].name if len(tuned) == 1 else f"one of the {len(tuned)} tuned models"
            price = span(tuned, "training price", f", {currency} {{}}")
            sentences.append(f"Training {who} took {spent}{price}.")
        estimated = "an estimated " if self.apis else ""
        prices = [
            span(tuned, "price", f"{currency} {{}} here, on a device that is never idle,"),
            _range(others, f"{estimated}{currency} {{}} by an API"),
        ]
        if any(prices):
            found = " and ".join(filter(None, prices)).removesuffix(",")
            sentences.append(f"{REQUESTS:,} requests cost {found}.")
        hours = {one.name: one.values["training device-hours"] for one in learned}
        seconds = {name: value * SECONDS_PER_HOUR for name, value in hours.items()}
        if spent := _range(seconds, "{} seconds"):
            cost = f", and {REQUESTS:,} requests to them cost {currency} {{}}"
            taken = f"Learned baselines took {spent} to train"
            sentences.append(f"{taken}{span(learned, 'price', cost)}.")
        if sentences:
            yield " ".join([*sentences, *_break_even_sentence(panels)])


def _amount(value: float, sources: tuple[str, ...], *marks: str) -> Cell:
    return number_cell(None if isnan(value) else value, amount_text, sources, marks)


def _cells(one: ModelCost, inputs: Inputs) -> dict[str, Cell]:
    cells = {
        column.key: _amount(one.values[column.key], one.sources[column.text])
        for column in costs.COLUMNS
    }
    adapter = one.context.adapter
    row = inputs.architectures.get(adapter.architecture) if adapter else None
    if adapter and row:
        count = count_adapter(row, adapter.rank, adapter.target_modules)
        cells[TRAINABLE.key] = count_cell(count, inputs.source("architectures"))
    return cells


def _break_even(one: ModelCost, other: float) -> Cell:
    sources = (*one.sources["Training"], *one.sources["Answers"])
    training, own = one.values["training price"], one.values["price"]
    if isnan(training + own + other):
        return Cell(sources=sources)
    found = costs.break_even(training, own / REQUESTS, other / REQUESTS)
    return text_cell(NEVER, sources) if found is None else count_cell(found, sources)


def _break_even_sentence(panels: Sequence[Panel]) -> Iterator[str]:
    cells = [cell for panel in panels[1:] for row in panel.groups[0].rows for cell in row.cells]
    counts = sorted(cell.value for cell in cells if isinstance(cell.value, int))
    never = sum(cell.value == NEVER for cell in cells)
    if counts:
        least, most = f"{counts[0]:,}", f"{counts[-1]:,}"
        several = f"{least} to {most} requests, depending on model and API"
        one = f"{least} {'request' if least == '1' else 'requests'}"
        but = (
            f", but never for {never} of {never + len(counts)} pairs of a model and an API, where "
            "the API costs less per request"
        )
        yield (
            "By prices alone, without regard to the quality of the answers, training has paid off "
            f"after {one if least == most else several}{but if never else ''}."
        )
    elif never:
        yield "At these prices an API always costs less."


def _range(values: Mapping[str, float], form: str) -> str:
    """The smallest and the largest value with their names, in words; "" if none is known."""
    known = {name: value for name, value in values.items() if not isnan(value)}
    if not known:
        return ""
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    first, last = amount_text(known[low]), amount_text(known[high])
    if first == last:
        return form.format(first)
    return form.format(f"{first} ({low}) to {last} ({high})")
