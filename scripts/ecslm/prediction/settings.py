"""Settings of prediction."""

from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from ecslm.models.precision import Precision
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer

AnswerKind = Literal["free", "constrained", "likelihood"]
Normalization = Literal["none", "tokens", "bytes"]

ANSWERED: dict[str, tuple[Answer, ...]] = {
    "constrained": ("yes_no", "choice", "ranking", "extraction"),
    "likelihood": ("yes_no", "choice"),
}
"""The types of answers that a mode limits: it needs a form, or a closed set."""


class DecodingSettings(Closed):
    """Decoding of one task. The default is greedy."""

    max_new_tokens: int = Field(100, ge=1, description="Maximum tokens of an answer.")
    max_length: int = Field(
        4000,
        ge=16,
        validate_default=True,
        description="Tokens of prompt and answer; longer inputs are cut at the end.",
    )
    sample: bool = Field(
        False, description="Sample tokens with a seed instead of taking the likeliest."
    )
    temperature: float = Field(0.15, gt=0, description="Only with `sample`.")
    top_p: float = Field(0.95, gt=0, le=1, description="Only with `sample`.")
    fused: bool = Field(
        True,
        description="Dequantise the base and merge the adapter into it once, at load: the same "
        "function up to rounding, without the cost of both in each step.",
    )
    oom: Literal["stop", "halve"] = Field(
        "stop",
        description="When out of memory: stop and suggest a smaller budget, or retry with half "
        "batches. This can change an answer in low precision, so cost.json records it.",
    )

    @field_validator("max_length")
    @classmethod
    def _leaves_room(cls, length: int, others: ValidationInfo) -> int:
        # That of answers is missing if it is itself invalid.
        if length <= (answer := others.data.get("max_new_tokens", 0)):
            raise ValueError(f"should be greater than the {answer} tokens of max_new_tokens")
        return length


class LimitedAnswers(Closed):
    """Answers that are not free."""

    mode: Literal["constrained", "likelihood"] = Field(
        description="A module in `prediction/answers`."
    )
    type: Answer = Field(description="Type of the task's answers.")
    normalization: Normalization = "none"

    @field_validator("type")
    @classmethod
    def _is_limited(cls, answer: Answer, others: ValidationInfo) -> Answer:
        # The mode is missing if it is itself invalid.
        mode = others.data.get("mode")
        if mode is not None and answer not in ANSWERED[mode]:
            valid = " or ".join(ANSWERED[mode])
            raise ValueError(f"{mode} answers are not of type {answer}: only {valid}")
        return answer


class PredictionSettings(Closed):
    """Everything in the configuration that determines a predictions file's bytes."""

    backend: str = Field("transformers", description="What answers, see `prediction/backend.py`.")
    precision: Precision = Precision()
    shots: int = 0
    decoding: DecodingSettings = DecodingSettings()
    batch_tokens: int | None = Field(
        None,
        ge=16,
        description="Padded tokens per batch, answers included. Set here only if it can change an "
        "answer; in float32, where it cannot, --batch-tokens sets it.",
    )
    allow_other_precision: bool = Field(
        False, description="Accept an adapter that was trained under another precision."
    )
    answers: LimitedAnswers | None = Field(
        None, description="How answers are limited; if missing, they are free."
    )

    @model_serializer(mode="wrap")
    def _without_what_is_free(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Free answers must not depend on whether there are others.
        values: dict[str, Any] = serialise(self)
        if self.answers is None:
            del values["answers"]
        return values
