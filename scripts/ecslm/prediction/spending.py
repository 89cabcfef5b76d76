"""The account of a server's model on disk: what it has cost, and the budget it must not exceed.

Before a request is sent the most that it may cost is reserved, and when its answer is there that is
replaced by the price. What was reserved by a process that was killed, or for a request whose
connection was lost, counts as spent: the server may have charged it.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.validation import read_model
from ecslm.schemas.prices import Prices


class Spending:
    """The account of one model of one server; one process at a time may use its file."""

    def __init__(self, path: Path, prices: Prices, budget: float | None) -> None:
        """
        Raises:
            InputError: the file is damaged, or its amounts are in another currency.
        """
        self._path, self._prices, self._budget = path, prices, budget
        account = (
            read_model(path, _Account) if path.exists() else _Account(currency=prices.currency)
        )
        if account.currency != prices.currency:
            raise InputError(
                f"{path}: {money(account.total, account.currency)} were spent, but the prices are "
                f"in {prices.currency}: give them in {account.currency}, or convert the file"
            )
        # Nobody else uses it, so what is still reserved is of a process that was killed.
        self._spent = account.total
        self._reserved: dict[int, _Reserved] = {}
        self._number = 0
        # How many times the most that was expected a request has cost.
        self._excess = 1.0
        self._changed = asyncio.Condition()

    async def reserve(self, amount: float) -> int:
        """Reserve the most that a request may cost, before it is sent; returns its number.

        If the budget is too short only because of what others have reserved, this waits for them.
        Once a request has cost more, as much more is reserved for all that follow: the server
        counts tokens that are not known here.

        Raises:
            InputError: the budget does not suffice.
        """
        async with self._changed:
            while self._budget is not None and self._total + self._most(amount) > self._budget:
                if not self._reserved:
                    raise self._reached(self._budget, self._most(amount))
                await self._changed.wait()
            self._number += 1
            self._reserved[self._number] = _Reserved(amount, self._most(amount))
            self._write()
            return self._number

    async def settle(self, number: int, price: float | None = None) -> None:
        """Replace what was reserved by the price; None: the request may have cost all of it."""
        async with self._changed:
            reserved = self._reserved.pop(number)
            if price is not None and price > reserved.expected > 0:
                self._excess = max(self._excess, price / reserved.expected)
            self._spent += reserved.amount if price is None else price
            self._write()
            self._changed.notify_all()

    @property
    def _total(self) -> float:
        return self._spent + sum(self._amounts())

    def _amounts(self) -> list[float]:
        return [one.amount for one in self._reserved.values()]

    def _most(self, expected: float) -> float:
        return self._excess * expected

    def _reached(self, budget: float, amount: float) -> InputError:
        currency = self._prices.currency
        return InputError(
            f"the budget of {money(budget, currency)} is reached: {money(self._spent, currency)} "
            f"are spent, and the next request may cost {money(amount, currency)}: raise `budget` "
            "in `access`; answers so far are kept"
        )

    def _write(self) -> None:
        account = _Account(
            currency=self._prices.currency,
            spent=self._spent,
            reserved=self._amounts(),
        )
        write_json(self._path, account.model_dump())


@dataclass(frozen=True)
class _Reserved:
    """The most that a request was expected to cost, and what was reserved for it."""

    expected: float
    amount: float


class Charge:
    """What one request has reserved. It may be sent several times; each time may be charged."""

    def __init__(self, spending: Spending, most: float) -> None:
        """
        Args:
            most: the most that the request may cost each time.
        """
        self._spending, self._most = spending, most
        self._number: int | None = None

    async def sent_again(self) -> None:
        """Reserve for the request, which is about to be sent.

        Raises:
            InputError: the budget does not suffice.
        """
        await self.end()
        self._number = await self._spending.reserve(self._most)

    async def end(self, price: float | None = None) -> None:
        """Settle what is reserved, if anything is; None: it may have been charged."""
        number, self._number = self._number, None
        if number is not None:
            await self._spending.settle(number, price)


def money(amount: float, currency: str) -> str:
    """An amount as text."""
    return f"{amount:.2f} {currency}" if amount >= 1 else f"{amount:.2g} {currency}"


class _Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str
    spent: float = Field(0.0, ge=0)
    reserved: list[float] = []

    @property
    def total(self) -> float:
        return self.spent + sum(self.reserved)
