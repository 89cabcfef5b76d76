"""What a model costs, from files with measured times: training, answers, single answers.

If a part is unknown, so is the whole: sums never leave out parts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.validation import read_model
from ecslm.schemas.cost import CostFile, LatencyFile, Prices
from ecslm.schemas.paths import ADAPTER_COST, LATENCY, PREDICTIONS_COST
from ecslm.tables.settings import ModelContext

SECONDS_PER_HOUR = 3600
JOULES_PER_KWH = 3_600_000
# Prices are of so many requests.
REQUESTS = 1000


@dataclass(frozen=True)
class CostFiles:
    """Files of what the adapters of a model cost, or its predictions."""

    sources: tuple[str, ...]
    files: tuple[CostFile, ...]

    @classmethod
    def read(cls, results: Path, paths: Sequence[str]) -> "CostFiles":
        """
        Raises:
            InputError: a file is missing or has another form.
        """
        return cls(tuple(paths), tuple(read_model(results / path, CostFile) for path in paths))

    def total(self, field: str) -> float | None:
        """The sum of a field."""
        return total(getattr(one, field) for one in self.files)

    @property
    def memory(self) -> float | None:
        """The largest peak memory, in bytes."""
        known = _all_known(one.peak_memory_bytes for one in self.files)
        return max(known) if known else None

    @property
    def devices(self) -> tuple[str, ...]:
        """What they were measured on."""
        return tuple(dict.fromkeys(one.device for one in self.files if one.device is not None))

    def price_by_tokens(self, prices: Prices) -> float | None:
        """The price of 1,000 requests to a server with these prices."""
        prompts, answers = self.total("prompt_tokens"), self.total("generated_tokens")
        requests = self.total("prompts")
        if prompts is None or answers is None or not requests:
            return None
        return REQUESTS * prices.of(int(prompts), int(answers)) / requests


@dataclass(frozen=True)
class CostedModel:
    """A model of the study with what it costs.

    Attributes:
        training: of its adapters, one a seed; of a learned baseline its predictions, each of which
            learns the task.
        hourly: price of an hour of the hardware that models run on here, if known.
    """

    name: str
    context: ModelContext
    training: CostFiles
    answering: CostFiles
    latency: LatencyFile | None
    hourly: float | None

    @classmethod
    def read(
        cls, results: Path, name: str, context: ModelContext, timed: bool, hourly: float | None
    ) -> "CostedModel":
        """Read the files of a model's costs.

        Args:
            timed: whether its latency is measured.

        Raises:
            InputError: a file is missing or has another form.
        """
        answering = CostFiles.read(results, answering_paths(name, context))
        return cls(
            name=name,
            context=context,
            training=answering
            if context.learned
            else CostFiles.read(results, training_paths(context)),
            answering=answering,
            latency=read_model(results / latency_path(name), LatencyFile) if timed else None,
            hourly=hourly,
        )

    @property
    def device_hours(self) -> float | None:
        """Of the training of one adapter, the mean over seeds; of a learned baseline, of all tasks
        together."""
        if self.context.learned:
            return ratio(self.training.total("load_seconds"), SECONDS_PER_HOUR)
        hours = total(
            None if one.seconds is None else one.seconds * one.devices / SECONDS_PER_HOUR
            for one in self.training.files
        )
        return ratio(hours, len(self.training.files))

    @property
    def kwh(self) -> float | None:
        """Of the training of one adapter, the mean over seeds."""
        if self.context.learned:
            return None
        joules = self.training.total("energy_joules")
        return ratio(ratio(joules, JOULES_PER_KWH), len(self.training.files))

    @property
    def training_memory(self) -> float | None:
        """The peak of the training of an adapter, in bytes."""
        return None if self.context.learned else self.training.memory

    @property
    def training_price(self) -> float | None:
        """The price of training one adapter; None if unknown."""
        return _times(self.device_hours, self.hourly)

    @property
    def price(self) -> float | None:
        """The price of 1,000 requests, here on a device that is never idle; None if unknown."""
        if self.context.prices is not None:
            return self.answering.price_by_tokens(self.context.prices)
        seconds = ratio(self.answering.total("seconds"), self.answering.total("prompts"))
        if not self.context.local or seconds is None:
            return None
        return _times(REQUESTS * seconds / SECONDS_PER_HOUR, self.hourly)

    @property
    def tokens_per_second(self) -> float | None:
        """Of prompts and answers, of weights that run here: how fast the answers of a server come
        depends on the network and on who else asks it, and those that were kept come at once."""
        fields = ("prompt_tokens", "generated_tokens")
        tokens = total(self.answering.total(field) for field in fields)
        return ratio(tokens, self.answering.total("seconds")) if self.context.local else None

    @property
    def tuned(self) -> bool:
        """Whether its adapters are its own."""
        return self.context.adapter_of == self.name

    @property
    def devices(self) -> tuple[str, ...]:
        """What its costs were measured on."""
        timed = (self.latency.device,) if self.latency and self.latency.device else ()
        return (*self.training.devices, *self.answering.devices, *timed)


def training_paths(context: ModelContext) -> list[str]:
    """The files of what its adapters cost, one a seed; none if it has no adapters."""
    if context.adapter_of is None:
        return []
    return [ADAPTER_COST.format(model=context.adapter_of, seed=seed) for seed in context.seeds]


def answering_paths(name: str, context: ModelContext) -> list[str]:
    """The files of what its predictions cost, one a seed and task."""
    return [
        PREDICTIONS_COST.format(model=name, seed=seed, task=task)
        for seed in context.seeds
        for task in context.tasks
    ]


def latency_path(name: str) -> str:
    """The file of a model's latency."""
    return LATENCY.format(model=name)


def break_even(training: float, own: float, other: float) -> int | None:
    """The requests from which on a trained model costs no more than another; None: never.

    Args:
        training: price of its training.
        own: price of a request to it.
        other: price of a request to the other.
    """
    saved = other - own
    # A difference too small to count gives no number of requests either.
    return math.ceil(training / saved) if saved > 0 and training / saved < 1e15 else None


def total(parts: Iterable[float | None]) -> float | None:
    """The sum; None if a part is not known, or if there are none."""
    known = _all_known(parts)
    return math.fsum(known) if known else None


def ratio(whole: float | None, parts: float | None) -> float | None:
    """One number in relation to another; None if one is not known, or if there are no parts."""
    return whole / parts if whole is not None and parts else None


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _all_known(parts: Iterable[float | None]) -> list[float]:
    """The numbers; none if one of them is not known."""
    found = list(parts)
    known = [part for part in found if part is not None]
    return known if len(known) == len(found) else []
