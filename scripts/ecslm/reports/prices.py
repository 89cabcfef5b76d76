"""What the model that the answer is about costs: training, 1,000 requests, a single answer."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ecslm.reports.run_progress import duration
from ecslm.reports.settings import ReportSettings
from ecslm.tables.costs import (
    REQUESTS,
    SECONDS_PER_HOUR,
    Costs,
    ModelCost,
    answering_files,
    model_cost,
)


class Price(NamedTuple):
    """What it is of, how much, and what else is known."""

    of: str
    amount: str
    more: str


def read_prices(results: Path, settings: ReportSettings) -> Iterator[Price]:
    """What is known of the costs.

    Raises:
        InputError: a file is missing or invalid.
    """
    if settings.answering is None:
        return
    tasks = settings.context.models[settings.answering].tasks
    if requests := amount(results, settings, tasks):
        yield Price(f"{REQUESTS:,} requests", requests, "in batches, on a device always busy")
    model = _cost(results, settings, tasks, settings.timed)
    if model.tuned and not math.isnan(hours := model.values["training device-hours"]):
        price = money(model.values["training price"], settings.currency)
        more = " on ".join(filter(None, [price, *model.devices[:1]]))
        yield Price("Training, once", duration(hours * SECONDS_PER_HOUR), more)
    if settings.timed:
        half, most = (model.values[f"latency {one}"] for one in ("p50", "p95"))
        yield Price("One answer", f"{half:.2g} s", f"median; 95 % within {most:.2g} s")


def amount(results: Path, settings: ReportSettings, tasks: tuple[str, ...]) -> str:
    """The price of 1,000 requests of some tasks, or else how long they take here; "" if neither is
    known."""
    model = _cost(results, settings, tasks)
    study = settings.context.model_copy(update={"models": {model.name: model.context}})
    answering = Costs(results, answering_files(study, model.name))
    seconds, prompts = answering.total("seconds"), answering.total("prompts")
    if math.isnan(model.values["price"]) and model.context.local and seconds * prompts > 0:
        return duration(REQUESTS * seconds / prompts)
    return money(model.values["price"], settings.currency)


def money(value: float, currency: str | None) -> str:
    """A price as people write it: with cents, or with two digits if it is less than that."""
    if math.isnan(value):
        return ""
    decimals = max(2, 1 - math.floor(math.log10(value))) if value > 0 else 2
    return f"{currency or ''} {value:,.{decimals}f}".strip()


def _cost(
    results: Path, settings: ReportSettings, tasks: tuple[str, ...], timed: bool = False
) -> ModelCost:
    """What the model costs, if it answers some tasks alone."""
    name, hourly = str(settings.answering), settings.hourly
    model = settings.context.models[name].model_copy(update={"tasks": tasks})
    study = settings.context.model_copy(update={"models": {name: model}})
    return model_cost(results, study, name, timed, math.nan if hourly is None else hourly)
