"""Settings of the backend `transformers`."""

from typing import Literal

from pydantic import Field

from ecslm.models.precision import Precision
from ecslm.prediction.settings import DecodingSettings, PredictionSettings


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

    def budget(self, batch_tokens: int) -> int:
        """The padded tokens per batch: these settings' own or, without one, those given."""
        return self.batch_tokens or batch_tokens
