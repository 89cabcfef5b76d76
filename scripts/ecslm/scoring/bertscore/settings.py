"""Settings of BERTScore: the encoder's layer, and the baseline for rescaling."""

from typing import ClassVar

from pydantic import Field

from ecslm.schemas.settings import JobSettings


class BertScoreSettings(JobSettings):
    """The defaults are those of the published study, for roberta-large."""

    LIBRARIES: ClassVar[tuple[str, ...]] = (
        *("torch", "transformers", "tokenizers", "safetensors", "bert-score"),
    )

    layer: int = Field(17, ge=1)
    """Encoder layer whose embeddings are matched."""
    rescale_language: str | None = "en"
    """Language of bert-score's own rescaling baseline, for encoders that have one; null: no
    rescaled scores."""
