"""What a model costs, from measured times: training, answers, single answers.

What is not known is nan, and so is whatever a part is not known of: sums never leave out parts.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from ecslm.common.tidy_rows import TidyRow
from ecslm.schemas.cost import Prices
from ecslm.tables.model import HeaderCell, Sources
from ecslm.tidy.costs import ANSWERS, SINGLE_ANSWERS, TRAINING
from ecslm.tidy.study import ModelContext

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
        rows: those of these costs.
        sources: the files that they are from.
        memory: the largest peak memory, in bytes.
    """

    def __init__(self, rows: Iterable[TidyRow], **values: Collection[Any]) -> None:
        """
        Args:
            values: those that rows must have, by the names of columns.
        """
        self.rows = [row for row in rows if all(row[one] in of for one, of in values.items())]
        self.sources = tuple(one["source"] for one in self.rows)
        peaks = [one["peak_memory_bytes"] for one in self.rows]
        self.memory = float(np.max([nan if peak is None else peak for peak in peaks] or [nan]))

    def total(self, field: str) -> float:
        """The sum of a field."""
        return total(one[field] for one in self.rows)

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
        seconds: those of 1,000 requests, of weights that run here.
        devices: what they were measured on.
        timed: how many single answers were timed, if any.
    """

    def __init__(
        self, rows: Sequence[TidyRow], name: str, context: ModelContext, hourly: float, timed: bool
    ) -> None:
        """
        Args:
            rows: all costs of the study.
            context: the model, with the tasks that count.
            hourly: price of an hour of the hardware that models run on here, nan if not known.
            timed: whether its latency counts, if it was measured.
        """
        self.name, self.context = name, context
        answering = Costs(rows, step=[ANSWERS], model=[name], task=context.tasks)
        adapters = Costs(rows, step=[TRAINING], model=[context.adapter_of], seed=context.seeds)
        latencies = Costs(rows, step=[SINGLE_ANSWERS], model=[name] * timed)
        seeds, seconds = len(adapters.rows), answering.total("seconds")
        trained = total(one["seconds"] and one["seconds"] * one["devices"] for one in adapters.rows)
        hours = over(trained, seeds) / SECONDS_PER_HOUR
        if context.learned:
            hours = answering.total("load_seconds") / SECONDS_PER_HOUR
        tokens = answering.total("prompt_tokens") + answering.total("generated_tokens")
        each = over(seconds, answering.total("prompts"))
        self.seconds = REQUESTS * each if context.local else nan
        price = self.seconds / SECONDS_PER_HOUR * hourly
        if context.prices is not None:
            price = answering.price_by_tokens(context.prices)
        training = answering if context.learned else adapters
        self.values: Mapping[str, float] = {
            "training device-hours": hours,
            "training energy": over(adapters.total("energy_joules") / JOULES_PER_KWH, seeds),
            "training price": hours * hourly,
            "training memory": adapters.memory / GIGABYTE,
            "memory": answering.memory / GIGABYTE,
            "tokens per second": over(tokens, seconds) if context.local else nan,
            "latency p50": latencies.total("p50_seconds"),
            "latency p95": latencies.total("p95_seconds"),
            "price": price,
        }
        self.sources: Mapping[str, Sources] = {
            **{"Training": training.sources, "Answers": answering.sources},
            **{"Latency": latencies.sources, PRICE: answering.sources},
        }
        measured = (*training.rows, *answering.rows, *latencies.rows)
        self.devices = [one["device"] for one in measured if one["device"]]
        self.timed = sum(one["prompts"] for one in latencies.rows) if timed else None


def total(parts: Iterable[float | None]) -> float:
    """The sum; nan if a part is not known, or if there are none."""
    found = [nan if part is None else part for part in parts]
    return math.fsum(found) if found else nan


def over(whole: float, parts: float) -> float:
    """One number in relation to another; nan if there are no parts."""
    return whole / parts if parts else nan
