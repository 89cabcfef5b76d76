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
    devices: int = 1
    """Devices that trained together."""
    load_seconds: float | None = None
    """Until a model could answer; of a learned baseline, those of learning."""
    seconds: float | None
    """Of training, or of generation."""
    job_seconds: float = 0.0
    """Of a training, since its job last began: if it was killed before, less than `seconds`."""
    peak_memory_bytes: float | None = None
    energy_joules: float | None = None
    prompts: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None

    @property
    def total(self) -> float:
        """Seconds from start to end."""
        return max(self.job_seconds, (self.load_seconds or 0.0) + (self.seconds or 0.0))


class TimedAnswer(Closed):
    """The answer to one prompt that was alone in its batch."""

    task: str
    id: str
    """Of the record."""
    seconds: float
    prompt_tokens: int | None
    generated_tokens: int | None


class LatencyFile(Closed):
    """`latency/{model}.json`: how long a model takes to answer prompts one at a time."""

    device: str | None
    load_seconds: float
    """Of all but the timed answers: loading the model, making prompts, and an answer to warm up."""
    seconds: float
    """Of the timed answers."""
    p50_seconds: float
    """Median of the answers' seconds."""
    p95_seconds: float
    """Their 95th percentile."""
    peak_memory_bytes: float | None
    answers: list[TimedAnswer]


class Prices(Closed):
    """What a server charges for tokens."""

    input: float = Field(ge=0)
    """Per million tokens of prompts."""
    output: float = Field(ge=0)
    """Per million tokens of answers."""
    currency: str = Field(pattern="^[A-Z]{3}$")
    """Such as USD."""
    as_of: date
    """Day of these prices."""

    def of(self, prompt_tokens: float, tokens: float) -> float:
        """The price of a request."""
        return (prompt_tokens * self.input + tokens * self.output) / 1_000_000

    def of_all(self, requests: Iterable[tuple[int, int]]) -> float:
        """The price of several requests, given their tokens."""
        return math.fsum(self.of(*tokens) for tokens in requests)
