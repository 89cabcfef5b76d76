"""Reads what a model costs from files with measured times: training, answers, single answers.

If a part is unknown, so is the whole: sums never leave out parts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.validation import read_model
from ecslm.schemas.cost import CostFile, LatencyFile
from ecslm.schemas.paths import ADAPTER_COST, LATENCY, PREDICTIONS_COST
from ecslm.schemas.prices import Prices
from ecslm.tables.settings import CostContext

SECONDS_PER_HOUR = 3600
JOULES_PER_KWH = 3_600_000
# Prices are of so many requests.
REQUESTS = 1000


@dataclass(frozen=True)
class Training:
    """The training of one adapter: means over those of all seeds; memory: the largest, in bytes."""

    device_hours: float | None
    kwh: float | None
    memory: float | None
    devices: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Answering:
    """All predictions of a model, over its seeds and tasks; memory: the largest, in bytes."""

    requests: int | None
    seconds: float | None
    prompt_tokens: int | None
    generated_tokens: int | None
    memory: float | None
    devices: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of prompts and answers."""
        tokens = total([self.prompt_tokens, self.generated_tokens])
        return _ratio(tokens, self.seconds)

    def price_on_hardware(self, price_per_hour: float) -> float | None:
        """The price of 1,000 requests on a device that is never idle."""
        seconds = _ratio(self.seconds, self.requests)
        return None if seconds is None else REQUESTS * seconds / SECONDS_PER_HOUR * price_per_hour

    def price_by_tokens(self, prices: Prices) -> float | None:
        """The price of 1,000 requests to a server with these prices."""
        if self.prompt_tokens is None or self.generated_tokens is None or not self.requests:
            return None
        return REQUESTS * prices.of(self.prompt_tokens, self.generated_tokens) / self.requests


def read_training(results: Path, name: str, context: CostContext) -> Training | None:
    """What the adapter of a model cost, or what a learned baseline took to learn all tasks; None of
    other models.

    Raises:
        InputError: a file is missing or has another form.
    """
    if context.learned:
        learning = answering_paths(name, context)
        costs = [read_model(results / path, CostFile) for path in learning]
        seconds = total(cost.load_seconds for cost in costs)
        hours = None if seconds is None else seconds / SECONDS_PER_HOUR
        return Training(hours, None, None, _devices(costs), tuple(learning))
    paths = training_paths(context)
    if not paths:
        return None
    files = [read_model(results / path, CostFile) for path in paths]
    hours = total(
        None if file.seconds is None else file.seconds * file.devices / SECONDS_PER_HOUR
        for file in files
    )
    joules = total(file.energy_joules for file in files)
    return Training(
        device_hours=_ratio(hours, len(files)),
        kwh=_ratio(None if joules is None else joules / JOULES_PER_KWH, len(files)),
        memory=_largest(file.peak_memory_bytes for file in files),
        devices=_devices(files),
        sources=tuple(paths),
    )


def read_answering(results: Path, name: str, context: CostContext) -> Answering:
    """What the predictions of a model cost.

    Raises:
        InputError: a file is missing or has another form.
    """
    paths = answering_paths(name, context)
    files = [read_model(results / path, CostFile) for path in paths]
    return Answering(
        requests=_count(file.prompts for file in files),
        seconds=total(file.seconds for file in files),
        prompt_tokens=_count(file.prompt_tokens for file in files),
        generated_tokens=_count(file.generated_tokens for file in files),
        memory=_largest(file.peak_memory_bytes for file in files),
        devices=_devices(files),
        sources=tuple(paths),
    )


def read_latency(results: Path, name: str) -> LatencyFile:
    """How long a model takes to answer prompts one at a time.

    Raises:
        InputError: the file is missing or has another form.
    """
    return read_model(results / latency_path(name), LatencyFile)


def training_paths(context: CostContext) -> list[str]:
    """The files of what its adapters cost, one a seed; none if it has no adapters."""
    if context.adapter_of is None:
        return []
    return [ADAPTER_COST.format(model=context.adapter_of, seed=seed) for seed in context.seeds]


def answering_paths(name: str, context: CostContext) -> list[str]:
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
    found = list(parts)
    known = [part for part in found if part is not None]
    return math.fsum(known) if known and len(known) == len(found) else None


def _count(parts: Iterable[int | None]) -> int | None:
    found = total(parts)
    return None if found is None else int(found)


def _largest(parts: Iterable[float | None]) -> float | None:
    found = list(parts)
    known = [part for part in found if part is not None]
    return max(known) if known and len(known) == len(found) else None


def _ratio(whole: float | None, parts: float | None) -> float | None:
    return whole / parts if whole is not None and parts else None


def _devices(files: Iterable[CostFile]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(file.device for file in files if file.device is not None))
