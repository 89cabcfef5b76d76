"""What a model costs, from files with measured times: training, answers, single answers.

What is not known is nan, and so is whatever a part is not known of: sums never leave out parts.
"""

import math
from collections.abc import Iterable, Mapping
from math import nan
from pathlib import Path

import numpy as np

from ecslm.common.files import read_model
from ecslm.schemas.cost import CostFile, LatencyFile, Prices
from ecslm.schemas.paths import ADAPTER_COST, LATENCY, PREDICTIONS_COST
from ecslm.tables.model import HeaderCell, Sources
from ecslm.tables.settings import TableContext

SECONDS_PER_HOUR = 3600
JOULES_PER_KWH = 3_600_000
GIGABYTE = 1e9
# Prices are of so many requests.
REQUESTS = 1000
PRICE = f"{REQUESTS:,} req."
# Those without a unit are in a currency.
COLUMNS = (
    HeaderCell("training device-hours", "Training", "device-h"),
    HeaderCell("training energy", "Training", "kWh"),
    HeaderCell("training price", "Training"),
    HeaderCell("training memory", "Training", "GB"),
    HeaderCell("memory", "Answers", "GB"),
    HeaderCell("tokens per second", "Answers", "tokens/s"),
    HeaderCell("latency p50", "Latency", "p50, s"),
    HeaderCell("latency p95", "Latency", "p95, s"),
    HeaderCell("price", PRICE),
)


class Costs:
    """What the adapters of a model took, or its predictions.

    Attributes:
        sources, files: the files of these costs, and what is in them.
        memory: the largest peak memory, in bytes.
    """

    def __init__(self, results: Path, paths: Iterable[str]) -> None:
        """
        Raises:
            InputError: a file is missing or has another form.
        """
        self.sources = tuple(paths)
        self.files = [read_model(results / path, CostFile) for path in self.sources]
        peaks = [nan if (peak := one.peak_memory_bytes) is None else peak for one in self.files]
        self.memory = float(np.max(peaks or [nan]))

    def total(self, field: str) -> float:
        """The sum of a field."""
        return total(getattr(one, field) for one in self.files)

    def price_by_tokens(self, prices: Prices) -> float:
        """The price of 1,000 requests to a server with these prices."""
        price = prices.of(self.total("prompt_tokens"), self.total("generated_tokens"))
        return over(REQUESTS * price, self.total("prompts"))


class ModelCost:
    """What a model of the study costs.

    Training is that of one adapter, the mean over seeds; of a learned baseline, of all tasks
    together. Tokens per second, of prompts and answers, are known of weights that run here: how
    fast the answers of a server come depends on the network and on who else asks it, and those that
    were kept come at once. A price is that of 1,000 requests, here on a device that is never idle.

    Attributes:
        values: by the keys of `COLUMNS`.
        sources: the files of these values, by the heads of the columns.
        answering: what its predictions took.
        devices: what they were measured on.
        timed: how many single answers were timed, if any.
    """

    def __init__(
        self, results: Path, study: TableContext, name: str, timed: bool, hourly: float
    ) -> None:
        """
        Args:
            timed: whether its latency is measured.
            hourly: price of an hour of the hardware that models run on here, nan if not known.

        Raises:
            InputError: a file is missing or has another form.
        """
        self.name, self.context = name, (context := study.models[name])
        self.answering = answering = Costs(results, answering_files(study, name))
        adapters = Costs(results, training_files(study, name))
        paths = (LATENCY.format(model=name),) if timed else ()
        latencies = [read_model(results / path, LatencyFile) for path in paths]
        seeds, seconds = len(adapters.files), answering.total("seconds")
        trained = total(one.seconds and one.seconds * one.devices for one in adapters.files)
        hours = over(trained, seeds) / SECONDS_PER_HOUR
        if context.learned:
            hours = answering.total("load_seconds") / SECONDS_PER_HOUR
        tokens = answering.total("prompt_tokens") + answering.total("generated_tokens")
        price = nan
        if context.prices is not None:
            price = answering.price_by_tokens(context.prices)
        elif context.local:
            each = over(seconds, answering.total("prompts"))
            price = REQUESTS * each / SECONDS_PER_HOUR * hourly
        training = answering if context.learned else adapters
        self.values: Mapping[str, float] = {
            "training device-hours": hours,
            "training energy": over(adapters.total("energy_joules") / JOULES_PER_KWH, seeds),
            "training price": hours * hourly,
            "training memory": adapters.memory / GIGABYTE,
            "memory": answering.memory / GIGABYTE,
            "tokens per second": over(tokens, seconds) if context.local else nan,
            "latency p50": total(one.p50_seconds for one in latencies),
            "latency p95": total(one.p95_seconds for one in latencies),
            "price": price,
        }
        self.sources: Mapping[str, Sources] = {
            **{"Training": training.sources, "Answers": answering.sources},
            **{"Latency": paths, PRICE: answering.sources},
        }
        measured = [one.device for one in (*training.files, *answering.files)]
        self.devices = list(filter(None, [*measured, *(one.device for one in latencies)]))
        self.timed = sum(len(one.answers) for one in latencies) if timed else None


def training_files(study: TableContext, name: str) -> list[str]:
    """The files of what a model's adapters cost, one a seed; none if it has no adapters."""
    model = study.models[name]
    seeds = model.seeds if model.tuned else ()
    return [ADAPTER_COST.format(model=model.adapter_of, seed=seed) for seed in seeds]


def answering_files(study: TableContext, name: str) -> list[str]:
    """The files of what a model's predictions cost, one a seed and task."""
    model = study.models[name]
    return [
        PREDICTIONS_COST.format(model=name, seed=seed, task=task)
        for seed in model.seeds
        for task in model.tasks
    ]


def total(parts: Iterable[float | None]) -> float:
    """The sum; nan if a part is not known, or if there are none."""
    found = [nan if part is None else part for part in parts]
    return math.fsum(found) if found else nan


def over(whole: float, parts: float) -> float:
    """One number in relation to another; nan if there are no parts."""
    return whole / parts if parts else nan
