"""Settings of BERTScore: the encoder's layer, and the baseline for rescaling."""

from pydantic import BaseModel, ConfigDict, Field

# Libraries whose versions can change a score.
LIBRARIES = ("torch", "transformers", "bert-score")


class BertScoreSettings(BaseModel):
    """The defaults are those of the published study, for roberta-large."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: int = Field(17, ge=1, description="Encoder layer whose embeddings are matched.")
    rescale_language: str | None = Field(
        "en",
        description="Language of bert-score's own rescaling baseline, for encoders that have one; "
        "null: no rescaled scores.",
    )
