"""Settings of prediction."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from ecslm.schemas.record import Record
from ecslm.schemas.settings import Closed, JobSettings


class Sampling(Closed):
    """Whether tokens are sampled, and how."""

    sample: bool = False
    """Sample tokens with a seed instead of taking the likeliest."""
    temperature: float = Field(0.15, gt=0)
    """Only with `sample`: 1 draws tokens by the model's own probabilities, a value near 0 almost
    always the likeliest."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Only with `sample`: draw from the likeliest tokens whose probabilities add up to this."""


class DecodingSettings(Sampling):
    """Decoding of one task. The default is greedy."""

    max_new_tokens: int = Field(100, ge=1)
    """Maximum tokens of an answer."""
    max_length: int = Field(4000, ge=16, validate_default=True)
    """Tokens of prompt and answer; longer inputs are cut at the end."""
    fused: bool = True
    """Dequantise the base and merge the adapter into it once, at load: the same function up to
    rounding, without the cost of both in each step."""
    oom: Literal["stop", "halve"] = "stop"
    """When out of memory: stop and suggest a smaller budget, or retry with half batches. This can
    change an answer in low precision, so cost.json records it."""

    @field_validator("max_length")
    @classmethod
    def _leaves_room(cls, length: int, others: ValidationInfo) -> int:
        # That of answers is missing if it is itself invalid.
        if length <= (answer := others.data.get("max_new_tokens", 0)):
            raise ValueError(f"should be greater than the {answer} tokens of max_new_tokens")
        return length


class PredictionSettings(JobSettings):
    """Everything in the configuration that determines a predictions file's bytes.

    A backend has a subclass with what it needs: its `SETTINGS`.
    """

    backend: str
    """What answers, see `prediction/backend.py`."""
    shots: int = 0
    """Examples in the prompt."""

    def asks(self, record: Record) -> bool:
        """Whether the model is to answer a record."""
        # The 1-shot settings repeat the samples of other settings, with an example.
        return (record.few_shot_example is not None) == bool(self.shots)

    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that the backend loads by name."""
        return ()

    def budget(self, batch_tokens: int) -> int:
        """The padded tokens per batch, where the job was told `batch_tokens`."""
        return batch_tokens
