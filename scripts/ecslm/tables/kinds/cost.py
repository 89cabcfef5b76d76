"""The cost table: what training and answers take here, what an API takes, and when which is less.

With the files that it is built from, the only result with clock values.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ecslm.models.architecture import read_architectures
from ecslm.models.parameter_counts import count_adapter
from ecslm.schemas.cost import Prices
from ecslm.schemas.paths import ARCHITECTURES
from ecslm.schemas.settings import Closed
from ecslm.tables.costs import (
    REQUESTS,
    SECONDS_PER_HOUR,
    CostedModel,
    CostFiles,
    answering_paths,
    break_even,
    latency_path,
    ratio,
    training_paths,
)
from ecslm.tables.kind import Kind, TableRequest
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
    text_cell,
)
from ecslm.tables.notes import data_note
from ecslm.tables.references import ModelName
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources, source_name

GIGABYTE = 1e9
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

    OF_MODELS = ("seeds", "tasks", "learned", "local", "adapter_of", "adapter", "prices")

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
        if len({one.currency for one in self._prices()}) > 1:
            problems.append("apis: prices should have the currency of the others")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _prices(self) -> list[Hardware | Prices]:
        hardware: list[Hardware | Prices] = [] if self.hardware is None else [self.hardware]
        return [*hardware, *self.apis.values()]

    @property
    def currency(self) -> str | None:
        """The currency of all prices; None without any."""
        prices = self._prices()
        return prices[0].currency if prices else None


Request = TableRequest[CostEntry]


def files(request: Request) -> list[str]:
    """The files with clock values of all models that answer anything."""
    entry, models = request.table, request.context.models
    found = []
    for name in (*entry.models, *([entry.tokens_of] if entry.tokens_of else [])):
        found += answering_paths(name, models[name])
    for name in (one for one in entry.models if models[one].tasks):
        found += training_paths(models[name])
        found += [latency_path(name)] if name in entry.latency else []
    return list(dict.fromkeys(found))


def problems(request: Request, _resources: Mapping[str, Path]) -> Iterator[str]:
    """Models whose latency cannot be measured, and prices in another currency."""
    entry, models = request.table, request.context.models
    for name in entry.latency:
        if models[name].learned or not models[name].local:
            yield f"latency: {name}: its weights do not run here, so that nothing can be measured"
    for name, one in models.items():
        if one.prices and entry.currency not in (None, one.prices.currency):
            others = f"its prices are in {one.prices.currency}, others in {entry.currency}"
            yield f"models: {name}: {others}"


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from cost and latency files, the architectures, and prices."""
    entry, context, results = request.table, request.context.models, sources.results
    hourly = entry.hardware.price if entry.hardware else None
    models = [
        CostedModel.read(results, one, context[one], one in entry.latency, hourly)
        for one in entry.models
        if context[one].tasks
    ]
    apis: dict[str, Cell] = {}
    if entry.tokens_of is not None:
        asked = CostFiles.read(results, answering_paths(entry.tokens_of, context[entry.tokens_of]))
        apis = {
            api: number_cell(
                asked.price_by_tokens(prices), amount_text, asked.sources, ("estimated",)
            )
            for api, prices in entry.apis.items()
        }
    others = {
        **{one.name: one.price for one in models if one.context.prices is not None},
        **{api: cell.value for api, cell in apis.items() if isinstance(cell.value, float)},
    }
    panels = [_models_panel(entry, models, apis, sources)]
    tuned = [one for one in models if one.tuned]
    if entry.hardware is not None and tuned and others:
        columns = tuple(HeaderCell(api, api, form="count") for api in others)
        rows = tuple(
            Row(one.name, "model", tuple(_break_even(one, price) for price in others.values()))
            for one in tuned
        )
        groups = (RowGroup("", rows),)
        panels.append(Panel("Break-even, requests", "Tuned model", columns, groups))
    return entry.table(
        name,
        panels,
        [*_notes(request, models), data_note(request.data)],
        _summary(request, models, others, panels),
    )


def _models_panel(
    entry: CostEntry, models: Sequence[CostedModel], apis: Mapping[str, Cell], sources: Sources
) -> Panel:
    path = sources.require("architectures")
    architectures, price = read_architectures(path), entry.currency or "price"

    def trainable(one: CostedModel) -> Cell:
        adapter = one.context.adapter
        row = architectures.get(adapter.architecture) if adapter else None
        if adapter is None or row is None:
            return Cell()
        count = count_adapter(row, adapter.rank, adapter.target_modules)
        return count_cell(count, (source_name(path),))

    # Key, what it is of, unit, value.
    columns: list[tuple[str, str, str, Callable[[CostedModel], float | None]]] = [
        ("training device-hours", "Training", "device-h", lambda one: one.device_hours),
        ("training energy", "Training", "kWh", lambda one: one.kwh),
        ("training price", "Training", price, lambda one: one.training_price),
        ("training memory", "Training", "GB", lambda one: ratio(one.training_memory, GIGABYTE)),
        ("memory", "Answers", "GB", lambda one: ratio(one.answering.memory, GIGABYTE)),
        ("tokens per second", "Answers", "tokens/s", lambda one: one.tokens_per_second),
        ("latency p50", "Latency", "p50, s", lambda one: _latency(one, "p50_seconds")),
        ("latency p95", "Latency", "p95, s", lambda one: _latency(one, "p95_seconds")),
        ("price", f"{REQUESTS:,} req.", price, lambda one: one.price),
    ]
    heads = (
        HeaderCell("trainable", "Trainable", "parameters", form="count"),
        *(HeaderCell(key, of, unit) for key, of, unit, _ in columns),
    )
    rows = []
    for one in models:
        files = {
            "Training": one.training.sources,
            "Latency": (latency_path(one.name),) if one.latency else (),
        }
        cells = (
            number_cell(value(one), amount_text, files.get(of, one.answering.sources))
            for _, of, _, value in columns
        )
        rows.append(Row(one.name, "model", (trainable(one), *cells)))
    groups = [RowGroup("Measured here", tuple(rows))]
    if apis:
        empty = (Cell(),) * len(columns)
        listed = tuple(Row(api, "other", (*empty, cell)) for api, cell in apis.items())
        groups.append(RowGroup("Estimated from list prices", listed))
    return Panel("", "Model", heads, tuple(groups))


def _latency(model: CostedModel, field: str) -> float | None:
    return getattr(model.latency, field) if model.latency else None


def _break_even(model: CostedModel, other: float | None) -> Cell:
    training, own = model.training_price, model.price
    sources = (*model.training.sources, *model.answering.sources)
    if training is None or own is None or other is None:
        return Cell(sources=sources)
    found = break_even(training, own / REQUESTS, other / REQUESTS)
    return text_cell(NEVER, sources) if found is None else count_cell(found, sources)


def _notes(request: Request, models: Sequence[CostedModel]) -> Iterator[str]:
    """What the columns mean, where it was measured, and whose prices these are."""
    entry = request.table
    yield (
        "Training: one adapter, mean over seeds. GB: peak memory. A request is a test record of "
        f"any task and setting. Tokens/s and the price of {REQUESTS:,} requests are those of a "
        "loaded model that answers in batches, on a device that is never idle."
    )
    used = dict.fromkeys(device for one in models for device in one.devices)
    if used:
        yield f"Measured on: {', '.join(used)}."
    counts = dict.fromkeys(len(one.latency.answers) for one in models if one.latency is not None)
    if counts:
        prompts = " or ".join(map(str, counts))
        yield f"Latency: seconds until a single prompt is answered; {prompts} test prompts."
    if (rent := entry.hardware) is not None:
        yield (
            f"An hour of {rent.name}: {rent.currency} {amount_text(rent.price)} on {rent.as_of} "
            f"({rent.source})."
        )
        if any(one.context.learned for one in models):
            yield (
                "Learned baselines are priced by the same hour; training: of all tasks together."
            )
    for name, prices in entry.apis.items():
        yield (
            f"{name}: {prices.currency} {prices.input:g} and {prices.output:g} per million tokens "
            f"of prompts and answers on {prices.as_of} ({prices.source})."
        )
    for one in models:
        if (own := one.context.prices) is not None:
            yield (
                f"{one.name}: {own.currency} {own.input:g} and {own.output:g} per million tokens "
                f"of prompts and answers on {own.as_of}."
            )
    if entry.apis:
        yield (
            f"Estimated: for the number of tokens of the prompts and answers of {entry.tokens_of}; "
            "examples in prompts, longer answers and other tokenizers cost more or less."
        )
    if entry.hardware is not None and (entry.apis or any(one.context.prices for one in models)):
        yield (
            "Break-even: the number of requests from which training and answers here cost no more "
            "than the API; never: the API costs less per request."
        )
    absent = [name for name in entry.models if not request.context.models[name].tasks]
    if absent:
        yield f"Not run, and therefore without a row: {', '.join(absent)}."
    yield (
        "--: not measured or not known. Energy is what a GPU reports, for trainings that were not "
        "interrupted."
    )


def _summary(
    request: Request,
    models: Sequence[CostedModel],
    others: Mapping[str, float | None],
    panels: Sequence[Panel],
) -> Iterator[str]:
    """What training and requests cost, from the smallest to the largest value."""
    currency = request.table.currency
    tuned = [one for one in models if one.tuned]
    learned = [one for one in models if one.context.learned]
    sentences = []
    if spent := _range({one.name: one.device_hours for one in tuned}, "{} device-hours"):
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
    sentences += _learned_sentence(learned, currency)
    if sentences:
        yield " ".join([*sentences, *_break_even_sentence(panels)])


def _learned_sentence(learned: Sequence[CostedModel], currency: str | None) -> Iterator[str]:
    hours = {one.name: one.device_hours for one in learned}
    seconds = {name: one and one * SECONDS_PER_HOUR for name, one in hours.items()}
    price = _range({one.name: one.price for one in learned}, f"{currency} {{}}")
    if spent := _range(seconds, "{} seconds"):
        cost = f", and {REQUESTS:,} requests to them cost {price}" if price else ""
        yield f"Learned baselines took {spent} to train{cost}."


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


KIND = Kind(
    entry=CostEntry,
    build=build,
    files=files,
    resources={"architectures": ARCHITECTURES},
    problems=problems,
)
