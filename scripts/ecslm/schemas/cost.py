"""Prices of tokens, and files with measured costs of jobs and of single answers.

A value that is not known is null, or missing from files of earlier versions.
"""

import math
from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from ecslm.schemas.settings import Closed


class CostFile(BaseModel):
    """What `cost.json` of an adapter or of predictions says; each has some of the fields."""

    model_config = ConfigDict(frozen=True)

    device: str | None
    devices: int = Field(1, description="Devices that trained together.")
    load_seconds: float | None = Field(
        None, description="Until a model could answer; of a learned baseline, those of learning."
    )
    seconds: float | None = Field(description="Of training, or of generation.")
    peak_memory_bytes: float | None = None
    energy_joules: float | None = None
    prompts: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None


class TimedAnswer(Closed):
    """The answer to one prompt that was alone in its batch."""

    task: str
    id: str = Field(description="Of the record.")
    seconds: float
    prompt_tokens: int | None
    generated_tokens: int | None


class LatencyFile(Closed):
    """`latency/{model}.json`: how long a model takes to answer prompts one at a time."""

    device: str | None
    load_seconds: float = Field(description="Until the model could answer.")
    seconds: float = Field(description="Of all answers.")
    p50_seconds: float = Field(description="Median of the answers' seconds.")
    p95_seconds: float = Field(description="Their 95th percentile.")
    peak_memory_bytes: float | None
    answers: list[TimedAnswer]


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
