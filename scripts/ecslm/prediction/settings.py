"""What decides how answers are generated."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ecslm.models.precision import Precision


class DecodingSettings(BaseModel):
    """Decoding of one task. The default is greedy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_new_tokens: int = Field(100, ge=1, description="Longest answer, in tokens.")
    max_length: int = Field(
        4000, ge=16, description="Tokens of prompt and answer; a longer input is cut at its end."
    )
    sample: bool = Field(False, description="Sample, seeded, instead of taking the likeliest.")
    temperature: float = Field(0.15, gt=0, description="Only with `sample`.")
    top_p: float = Field(0.95, gt=0, le=1, description="Only with `sample`.")
    fused: bool = Field(
        True,
        description="Dequantise the base once and merge the adapter into it at load: the same "
        "function up to rounding, without the cost of both in each step.",
    )
    oom: Literal["stop", "halve"] = Field(
        "stop",
        description="Out of memory: stop and name a budget that would fit, or retry with half "
        "batches, which cost.json records, since in low precision an answer can then change.",
    )


class PredictionSettings(BaseModel):
    """Everything in the configuration that decides a predictions file's bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: str = Field("transformers", description="What answers, see `prediction/backend.py`.")
    precision: Precision = Precision()
    shots: int = 0
    decoding: DecodingSettings = DecodingSettings()
    batch_tokens: int | None = Field(
        None,
        ge=16,
        description="Padded tokens per batch, answers included. Part of the settings only where "
        "it can change an answer; for exact engines (float32) it comes as --batch-tokens.",
    )
    allow_other_precision: bool = Field(
        False, description="Accept an adapter that was trained under another precision."
    )
