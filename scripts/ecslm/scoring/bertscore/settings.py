"""What decides BERTScore values: the encoder's layer, and the baseline for rescaling."""

from pydantic import BaseModel, ConfigDict, Field

# Their versions can change a score.
LIBRARIES = ("torch", "transformers", "bert-score")


class BertScoreSettings(BaseModel):
    """Defaults are the study's, for roberta-large."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: int = Field(17, ge=1, description="Encoder layer whose embeddings are matched.")
    rescale_language: str | None = Field(
        "en",
        description="Language of bert-score's own rescaling baseline, for encoders that have one; "
        "null: rescaled scores are null.",
    )
