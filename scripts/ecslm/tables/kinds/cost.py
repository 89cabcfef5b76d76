"""The cost table: what training and answers take here, what an API takes, and when which is less.

With the files that it is built from, the only result with clock values.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecslm.models.architecture import read_architectures
from ecslm.schemas.paths import ARCHITECTURES
from ecslm.tables.cost_settings import CostEntry
from ecslm.tables.cost_words import NEVER, cost_notes, cost_summary
from ecslm.tables.costed_models import CostedModel, read_costed_model
from ecslm.tables.costs import (
    REQUESTS,
    answering_paths,
    break_even,
    latency_path,
    read_answering,
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
from ecslm.tables.requests import TableRequest
from ecslm.tables.sources import Sources, source_name

GIGABYTE = 1e9

Request = TableRequest[CostEntry]


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
        if costs[name].learned or not costs[name].local
    ] + [
        f"models: {name}: its prices are in {context.prices.currency}, others in {entry.currency}"
        for name, context in costs.items()
        if context.prices and entry.currency not in (None, context.prices.currency)
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from cost and latency files, the architectures, and prices."""
    entry = request.table
    models = [
        read_costed_model(request, one, sources.results)
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
        notes=(*cost_notes(request, models), data_note(request.data)),
        summary=tuple(cost_summary(request, models, others, panels)),
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
    request: Request, models: Sequence[CostedModel], apis: Mapping[str, Cell], sources: Sources
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


def _row(model: CostedModel, architectures: Mapping[str, Mapping[str, str]], source: str) -> Row:
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
        _amount(model.tokens_per_second, answering.sources),
        _amount(latency.p50_seconds if latency else None, of_latency),
        _amount(latency.p95_seconds if latency else None, of_latency),
        _amount(model.price, answering.sources),
    )
    return Row(name=model.name, kind="model", cells=cells)


def _break_even_panel(tuned: Sequence[CostedModel], others: Mapping[str, float | None]) -> Panel:
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


def _break_even_cell(model: CostedModel, other: float | None) -> Cell:
    training, own = model.training_price, model.price
    sources = (*(model.training.sources if model.training else ()), *model.answering.sources)
    if training is None or own is None or other is None:
        return Cell(sources=sources)
    found = break_even(training, own / REQUESTS, other / REQUESTS)
    return Cell(NEVER, NEVER, sources=sources) if found is None else count_cell(found, sources)


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
