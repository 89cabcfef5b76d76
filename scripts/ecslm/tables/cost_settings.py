"""Settings of the cost table, with prices of one day."""

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from ecslm.schemas.prices import Prices
from ecslm.schemas.settings import Closed
from ecslm.tables.references import CostedModelName
from ecslm.tables.settings import Entry


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

    kind: Literal["cost"]
    models: tuple[CostedModelName, ...] = Field(min_length=1, description="Models, in order.")
    latency: tuple[CostedModelName, ...] = Field(
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
    tokens_of: CostedModelName | None = Field(
        None, description="Model whose tokens per request are used to estimate the cost of an API."
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
        """The currency of all prices; None without any."""
        prices = self._prices()
        return prices[0].currency if prices else None
