"""Settings of BERTScore: the encoder's layer, and the baseline for rescaling."""

from pydantic import Field

from ecslm.schemas.settings import Closed

# Libraries whose versions can change a score.
LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "bert-score")


class BertScoreSettings(Closed):
    """The defaults are those of the published study, for roberta-large."""

    layer: int = Field(17, ge=1, description="Encoder layer whose embeddings are matched.")
    rescale_language: str | None = Field(
        "en",
        description="Language of bert-score's own rescaling baseline, for encoders that have one; "
        "null: no rescaled scores.",
    )
