"""Settings of the backend `transformers`."""

from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from ecslm.models.precision import Precision
from ecslm.prediction.settings import DecodingSettings, PredictionSettings
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer, OptionForm

Mode = Literal["constrained", "likelihood"]
Normalization = Literal["none", "tokens", "bytes"]

ANSWERED: dict[Mode, tuple[Answer, ...]] = {
    "constrained": ("yes_no", "choice", "ranking", "extraction"),
    "likelihood": ("yes_no", "choice"),
}
"""The types of answers that a mode limits: those with a form, or of a closed set."""


# Libraries that can change an answer, in addition to those of models.
LIBRARIES: dict[Mode, tuple[str, ...]] = {"constrained": ("llguidance",), "likelihood": ()}


class LimitedAnswers(Closed):
    """Answers that are not free."""

    mode: Mode = Field(description="A module in `prediction/answers`.")
    type: Answer = Field(description="Type of the task's answers.")
    option: OptionForm | None = Field(
        None, description="Of a choice by likelihood: what of an option is scored."
    )
    normalization: Normalization = Field(
        "none", description="What a log-likelihood is divided by: the answer's length, or nothing."
    )

    @field_validator("type")
    @classmethod
    def _is_limited(cls, answer: Answer, others: ValidationInfo) -> Answer:
        # The mode is missing if it is itself invalid.
        mode = others.data.get("mode")
        if mode is not None and answer not in ANSWERED[mode]:
            valid = " or ".join(ANSWERED[mode])
            raise ValueError(f"{mode} answers are of type {valid}, never {answer}")
        return answer

    @model_validator(mode="after")
    def _scores_something(self) -> "LimitedAnswers":
        if (self.mode, self.type, self.option) == ("likelihood", "choice", None):
            raise ValueError("option: missing: letter or text, as right answers are")
        return self


class TransformersSettings(PredictionSettings):
    """How local weights answer."""

    backend: Literal["transformers"] = "transformers"
    precision: Precision = Precision()
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
    def _without_free_answers(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # So that free answers are the same whether or not there could be others.
        values: dict[str, Any] = serialise(self)
        if self.answers is None:
            del values["answers"]
        return values

    def modules(self) -> tuple[str, ...]:
        """The module of the mode of answering."""
        return () if self.answers is None else (f"ecslm.prediction.answers.{self.answers.mode}",)

    def budget(self, batch_tokens: int) -> int:
        """The padded tokens per batch: these settings' own or, without one, those given."""
        return self.batch_tokens or batch_tokens
