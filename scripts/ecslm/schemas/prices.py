"""Prices of tokens, with their day."""

import math
from collections.abc import Iterable
from datetime import date

from pydantic import Field

from ecslm.schemas.settings import Closed


class Prices(Closed):
    """What a server charges for tokens."""

    input: float = Field(ge=0, description="Per million tokens of prompts.")
    output: float = Field(ge=0, description="Per million tokens of answers.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="Such as USD.")
    as_of: date = Field(description="Day of these prices.")

    def of(self, prompt_tokens: float, tokens: float) -> float:
        """The price of a request."""
        return (prompt_tokens * self.input + tokens * self.output) / 1_000_000

    def of_all(self, requests: Iterable[tuple[int, int]]) -> float:
        """The price of several requests, given their tokens."""
        return math.fsum(self.of(*tokens) for tokens in requests)
