"""Settings of the backend `transformers`."""

from typing import Literal

from pydantic import Field

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

    mode: Mode
    """A module in `prediction/answers`."""
    type: Answer
    """Type of the task's answers."""
    option: OptionForm | None = None
    """Of a choice by likelihood: what of an option is scored (default: text)."""
    normalization: Normalization = "none"
    """What a log-likelihood is divided by: the answer's length, or nothing."""


class TransformersSettings(PredictionSettings):
    """How local weights answer."""

    backend: Literal["transformers"] = "transformers"
    precision: Precision = Precision()
    decoding: DecodingSettings = DecodingSettings()
    batch_tokens: int | None = Field(None, ge=16)
    """Padded tokens per batch, answers included. Set here only if it can change an answer; in
    float32, where it cannot, --batch-tokens sets it."""
    allow_other_precision: bool = False
    """Accept an adapter that was trained under another precision."""
    answers: LimitedAnswers | None = Field(
        # So that free answers are the same whether or not there could be others.
        None,
        exclude_if=lambda answers: answers is None,
    )
    """How answers are limited; if missing, they are free."""

    def modules(self) -> tuple[str, ...]:
        """The module of the mode of answering."""
        return () if self.answers is None else (f"ecslm.prediction.answers.{self.answers.mode}",)

    def budget(self, batch_tokens: int) -> int:
        """The padded tokens per batch: these settings' own or, without one, those given."""
        return self.batch_tokens or batch_tokens
