"""Settings of BERTScore: the encoder's layer, and the baseline for rescaling."""

from typing import Annotated, ClassVar

from pydantic import Field

from ecslm.schemas.settings import JobSettings


class BertScoreSettings(JobSettings):
    """The defaults are those of the published study, for roberta-large."""

    LIBRARIES: ClassVar[tuple[str, ...]] = (
        *("torch", "transformers", "tokenizers", "safetensors", "bert-score"),
    )

    layer: int = Field(17, ge=1)
    """Encoder layer whose embeddings are matched."""
    # It is the name of a folder of bert-score.
    rescale_language: Annotated[str, Field(pattern="^[a-z]{2}(-[a-z]+)?$")] | None = "en"
    """Language of bert-score's own rescaling baseline, for encoders that have one; null: no
    rescaled scores."""
