"""The cost table: what training and answers take here, what an API takes, and when which is less.

With the files that it is built from, the only result with clock values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ecslm.models.architecture import read_architectures
from ecslm.schemas.cost import LatencyFile
from ecslm.schemas.paths import ARCHITECTURES
from ecslm.schemas.prices import Prices
from ecslm.schemas.settings import Closed
from ecslm.tables.costs import (
    REQUESTS,
    Answering,
    Training,
    answering_paths,
    break_even,
    latency_path,
    read_answering,
    read_latency,
    read_training,
    training_paths,
)
from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    amount_text,
    count_cell,
    number_cell,
)
from ecslm.tables.notes import data_note
from ecslm.tables.parameter_counts import count_parameters
from ecslm.tables.references import CostedModelName
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import CostContext, Entry
from ecslm.tables.sources import Sources, source_name

GIGABYTE = 1e9
NEVER = "never"


class ListPrices(Prices):
    """What an API takes for tokens, as published."""

    source: str = Field(description="Where that is published.")


class Hardware(Closed):
    """What a device takes for an hour: a GPU, or the machine where models run on a CPU."""

    name: str = Field(description="Name of the device, and of who rents it out.")
    price: float = Field(ge=0, description="Per hour of one device.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="Such as USD.")
    as_of: date = Field(description="Day of the price.")
    source: str = Field(description="Where it is published.")


class CostEntry(Entry):
    """What models cost: training, memory, speed, latency, and 1,000 requests."""

    kind: Literal["cost"]
    models: tuple[CostedModelName, ...] = Field(min_length=1, description="Models, in order.")
    latency: tuple[CostedModelName, ...] = Field(
        (),
        description="Models whose latency is shown, and so is measured. Of others it is measured "
        "by the target `latency` alone.",
    )
    hardware: Hardware | None = Field(None, description="Price of what models run on here.")
    apis: dict[str, ListPrices] = Field(
        {}, description="List prices of models that are not run, by the name of their row."
    )
    tokens_of: CostedModelName | None = Field(
        None, description="Model whose tokens per request an API is assumed to count."
    )

    @model_validator(mode="after")
    def _complete(self) -> "CostEntry":
        problems = [f"latency: {name} is not in models" for name in self._unlisted()]
        if self.apis and self.tokens_of is None:
            problems.append("tokens_of: needed, since there are `apis`")
        if len({one.currency for one in self._prices()}) > 1:
            problems.append("apis: prices should have the currency of the others")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unlisted(self) -> list[str]:
        return [name for name in self.latency if name not in self.models]

    def _prices(self) -> list[Hardware | Prices]:
        hardware: list[Hardware | Prices] = [] if self.hardware is None else [self.hardware]
        return [*hardware, *self.apis.values()]

    @property
    def currency(self) -> str | None:
        """That of all prices; None without any."""
        prices = self._prices()
        return prices[0].currency if prices else None


Request = TableRequest[CostEntry]


@dataclass(frozen=True)
class _Model:
    """A row of the study: what it costs."""

    name: str
    context: CostContext
    training: Training | None
    answering: Answering
    latency: LatencyFile | None
    hardware: Hardware | None

    @property
    def training_price(self) -> float | None:
        """Of one adapter."""
        if self.training is None or self.training.device_hours is None or self.hardware is None:
            return None
        return self.training.device_hours * self.hardware.price

    @property
    def price(self) -> float | None:
        """Of 1,000 requests."""
        if self.context.prices is not None:
            return self.answering.price_by_tokens(self.context.prices)
        if not self.context.local or self.hardware is None:
            return None
        return self.answering.price_on_hardware(self.hardware.price)

    @property
    def tuned(self) -> bool:
        """Whether its adapters are its own."""
        return self.context.adapter_of == self.name


def files(request: Request) -> list[str]:
    """The files with clock values of all models that answer anything."""
    entry, costs = request.table, request.context.costs
    found = []
    for name in (*entry.models, *([entry.tokens_of] if entry.tokens_of else [])):
        found += answering_paths(name, costs[name])
    for name in (one for one in entry.models if costs[one].tasks):
        found += training_paths(costs[name])
        found += [latency_path(name)] if name in entry.latency else []
    return list(dict.fromkeys(found))


def problems(request: Request, _resources: Mapping[str, Path]) -> list[str]:
    """Models whose latency cannot be measured, and prices in another currency."""
    entry, costs = request.table, request.context.costs
    return [
        f"latency: {name}: its weights do not run here, so that nothing can be measured"
        for name in entry.latency
        if not costs[name].local
    ] + [
        f"models: {name}: its prices are in {context.prices.currency}, others in {entry.currency}"
        for name, context in costs.items()
        if context.prices and entry.currency not in (None, context.prices.currency)
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from cost and latency files, the architectures, and prices."""
    entry = request.table
    models = [
        _read(request, one, sources.results)
        for one in entry.models
        if request.context.costs[one].tasks
    ]
    apis = _estimated(request, sources.results)
    panels = [_models_panel(request, models, apis, sources)]
    others = {
        **{one.name: one.price for one in models if one.context.prices is not None},
        **{api: cell.value for api, cell in apis.items() if isinstance(cell.value, float)},
    }
    tuned = [one for one in models if one.tuned]
    if entry.hardware is not None and tuned and others:
        panels.append(_break_even_panel(tuned, others))
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=tuple(panels),
        notes=(*_notes(request, models), data_note(request.data)),
        summary=tuple(_summary(request, tuned, others, panels)),
    )


def _read(request: Request, name: str, results: Path) -> _Model:
    context = request.context.costs[name]
    return _Model(
        name=name,
        context=context,
        training=read_training(results, context),
        answering=read_answering(results, name, context),
        latency=read_latency(results, name) if name in request.table.latency else None,
        hardware=request.table.hardware,
    )


def _estimated(request: Request, results: Path) -> dict[str, Cell]:
    """What 1,000 requests to each API would cost."""
    entry = request.table
    if entry.tokens_of is None:
        return {}
    context = request.context.costs[entry.tokens_of]
    answering = read_answering(results, entry.tokens_of, context)
    return {
        api: _amount(answering.price_by_tokens(prices), answering.sources, ("estimated",))
        for api, prices in entry.apis.items()
    }


def _columns(currency: str | None) -> tuple[HeaderCell, ...]:
    price = currency or "price"
    return (
        HeaderCell("trainable", "Trainable", "parameters", form="count"),
        HeaderCell("training device-hours", "Training", "device-h"),
        HeaderCell("training energy", "Training", "kWh"),
        HeaderCell("training price", "Training", price),
        HeaderCell("training memory", "Training", "GB"),
        HeaderCell("memory", "Answers", "GB"),
        HeaderCell("tokens per second", "Answers", "tokens/s"),
        HeaderCell("latency p50", "Latency", "p50, s"),
        HeaderCell("latency p95", "Latency", "p95, s"),
        HeaderCell("price", f"{REQUESTS:,} req.", price),
    )


def _models_panel(
    request: Request, models: Sequence[_Model], apis: Mapping[str, Cell], sources: Sources
) -> Panel:
    columns = _columns(request.table.currency)
    path = sources.require("architectures")
    architectures = read_architectures(path)
    rows = tuple(_row(one, architectures, source_name(path)) for one in models)
    groups = [RowGroup("Measured here", rows)]
    if apis:
        empty = (Cell(),) * (len(columns) - 1)
        others = tuple(Row(api, "other", (*empty, cell)) for api, cell in apis.items())
        groups.append(RowGroup("Estimated from list prices", others))
    return Panel("", "Model", columns, tuple(groups))


def _row(model: _Model, architectures: Mapping[str, Mapping[str, str]], source: str) -> Row:
    training, answering, latency = model.training, model.answering, model.latency
    adapter = model.context.adapter
    known = adapter is not None and adapter.architecture in architectures
    trainable = (
        count_parameters(architectures[adapter.architecture], adapter).adapter
        if adapter is not None and known
        else None
    )
    of_training = training.sources if training else ()
    of_latency = (latency_path(model.name),) if latency else ()
    cells = (
        count_cell(trainable, (source,) if known else ()),
        _amount(training.device_hours if training else None, of_training),
        _amount(training.kwh if training else None, of_training),
        _amount(model.training_price, of_training),
        _amount(_gigabytes(training.memory if training else None), of_training),
        _amount(_gigabytes(answering.memory), answering.sources),
        _amount(answering.tokens_per_second, answering.sources),
        _amount(latency.p50_seconds if latency else None, of_latency),
        _amount(latency.p95_seconds if latency else None, of_latency),
        _amount(model.price, answering.sources),
    )
    return Row(name=model.name, kind="model", cells=cells)


def _break_even_panel(tuned: Sequence[_Model], others: Mapping[str, float | None]) -> Panel:
    columns = tuple(HeaderCell(api, api, form="count") for api in others)
    rows = tuple(
        Row(
            one.name,
            "model",
            tuple(_break_even_cell(one, price) for price in others.values()),
        )
        for one in tuned
    )
    return Panel("Break-even, requests", "Tuned model", columns, (RowGroup("", rows),))


def _break_even_cell(model: _Model, other: float | None) -> Cell:
    training, own = model.training_price, model.price
    sources = (*(model.training.sources if model.training else ()), *model.answering.sources)
    if training is None or own is None or other is None:
        return Cell(sources=sources)
    found = break_even(training, own / REQUESTS, other / REQUESTS)
    return Cell(NEVER, NEVER, sources=sources) if found is None else count_cell(found, sources)


def _notes(request: Request, models: Sequence[_Model]) -> Iterator[str]:
    entry = request.table
    yield (
        "Training: one adapter, means over seeds. GB: the most memory that was used. A request: a "
        f"test record of any task and setting. Tokens/s and the price of {REQUESTS:,} requests: of "
        "batches, of a loaded model on a device that is never idle."
    )
    used = dict.fromkeys(device for one in models for device in _devices(one))
    if used:
        yield f"Measured on: {', '.join(used)}."
    counts = dict.fromkeys(len(one.latency.answers) for one in models if one.latency is not None)
    if counts:
        prompts = " or ".join(map(str, counts))
        yield f"Latency: seconds until a prompt that is alone is answered; {prompts} test prompts."
    if (rent := entry.hardware) is not None:
        yield (
            f"An hour of {rent.name}: {rent.currency} {amount_text(rent.price)} on {rent.as_of} "
            f"({rent.source})."
        )
    for name, prices in entry.apis.items():
        yield (
            f"{name}: {prices.currency} {prices.input:g} and {prices.output:g} per million tokens "
            f"of prompts and answers on {prices.as_of} ({prices.source})."
        )
    for one in models:
        if (own := one.context.prices) is not None:
            yield (
                f"{one.name}: by its tokens; {own.currency} {own.input:g} and {own.output:g} per "
                f"million of prompts and answers on {own.as_of}."
            )
    if entry.apis:
        yield (
            f"Estimated: of as many tokens as the prompts and answers of {entry.tokens_of} have, "
            "by its own tokenizer; examples in prompts, longer answers and other tokenizers cost "
            "more or less."
        )
    if entry.hardware is not None and (entry.apis or any(one.context.prices for one in models)):
        yield (
            "Break-even: requests from which on training and answers here cost no more than the "
            "API; never: it costs less per request."
        )
    absent = [name for name in entry.models if not request.context.costs[name].tasks]
    if absent:
        yield f"Not run, and so without a row: {', '.join(absent)}."
    yield "--: not measured or not known. Energy is what a GPU reports."


def _devices(model: _Model) -> Iterable[str]:
    trained = model.training.devices if model.training else ()
    timed = (model.latency.device,) if model.latency and model.latency.device else ()
    return (*trained, *model.answering.devices, *timed)


def _summary(
    request: Request,
    tuned: Sequence[_Model],
    others: Mapping[str, float | None],
    panels: Sequence[Panel],
) -> Iterator[str]:
    """What training and requests cost, from the smallest to the largest value."""
    currency = request.table.currency
    sentences = []
    hours = {one.name: one.training.device_hours for one in tuned if one.training is not None}
    if spent := _range(hours, "{} device-hours"):
        who = tuned[0].name if len(tuned) == 1 else f"one of the {len(tuned)} tuned models"
        price = _range({one.name: one.training_price for one in tuned}, f", {currency} {{}}")
        sentences.append(f"Training {who} took {spent}{price}.")
    prices = [
        _range(
            {one.name: one.price for one in tuned},
            f"{currency} {{}} here, on a device that is never idle,",
        ),
        _range(others, f"{'an estimated ' if request.table.apis else ''}{currency} {{}} by an API"),
    ]
    if any(prices):
        found = " and ".join(filter(None, prices)).removesuffix(",")
        sentences.append(f"{REQUESTS:,} requests cost {found}.")
    if sentences:
        yield " ".join([*sentences, *_break_even_sentence(panels)])


def _break_even_sentence(panels: Sequence[Panel]) -> Iterator[str]:
    cells = [cell for panel in panels[1:] for row in panel.groups[0].rows for cell in row.cells]
    counts = sorted(cell.value for cell in cells if isinstance(cell.value, int))
    if counts:
        least, most = f"{counts[0]:,}", f"{counts[-1]:,}"
        several = f"{least} to {most} requests, depending on model and API"
        one = f"{least} {'request' if least == '1' else 'requests'}"
        yield f"Training is paid for after {one if least == most else several}."
    elif any(cell.value == NEVER for cell in cells):
        yield "At these prices an API always costs less."


def _range(values: Mapping[str, float | None], form: str) -> str:
    """The smallest and the largest value with their names, in words; "" if none is known."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return ""
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    first, last = amount_text(known[low]), amount_text(known[high])
    if first == last:
        return form.format(first)
    return form.format(f"{first} ({low}) to {last} ({high})")


def _amount(value: float | None, sources: tuple[str, ...], marks: tuple[str, ...] = ()) -> Cell:
    cell = number_cell(value, "" if value is None else amount_text(value), sources)
    return Cell(cell.value, cell.shown, marks=marks if value is not None else (), sources=sources)


def _gigabytes(size: float | None) -> float | None:
    return None if size is None else size / GIGABYTE


KIND = Kind(
    entry=CostEntry,
    place=8,
    build=build,
    files=files,
    resources={"architectures": ARCHITECTURES},
    problems=problems,
)
