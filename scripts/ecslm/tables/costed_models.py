"""Models with what they cost: clock values and prices together."""

from dataclasses import dataclass
from pathlib import Path

from ecslm.schemas.cost import LatencyFile
from ecslm.tables.cost_settings import CostEntry, Hardware
from ecslm.tables.costs import (
    Answering,
    Training,
    read_answering,
    read_latency,
    read_training,
)
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import CostContext


@dataclass(frozen=True)
class CostedModel:
    """A model of the study with what it costs."""

    name: str
    context: CostContext
    training: Training | None
    answering: Answering
    latency: LatencyFile | None
    hardware: Hardware | None

    @property
    def training_price(self) -> float | None:
        """The price of training one adapter, in the table's currency; None if unknown."""
        if self.training is None or self.training.device_hours is None or self.hardware is None:
            return None
        return self.training.device_hours * self.hardware.price

    @property
    def price(self) -> float | None:
        """The price of 1,000 requests, in the table's currency; None if unknown."""
        if self.context.prices is not None:
            return self.answering.price_by_tokens(self.context.prices)
        if not self.context.local or self.hardware is None:
            return None
        return self.answering.price_on_hardware(self.hardware.price)

    @property
    def tokens_per_second(self) -> float | None:
        """Of weights that run here: how fast the answers of a server come depends on the network
        and on who else asks it, and those that were kept come at once."""
        return self.answering.tokens_per_second if self.context.local else None

    @property
    def tuned(self) -> bool:
        """Whether its adapters are its own."""
        return self.context.adapter_of == self.name


def read_costed_model(request: TableRequest[CostEntry], name: str, results: Path) -> CostedModel:
    """Read the files of a model's costs.

    Raises:
        InputError: a file is missing or has another form.
    """
    context = request.context.costs[name]
    return CostedModel(
        name=name,
        context=context,
        training=read_training(results, name, context),
        answering=read_answering(results, name, context),
        latency=read_latency(results, name) if name in request.table.latency else None,
        hardware=request.table.hardware,
    )
