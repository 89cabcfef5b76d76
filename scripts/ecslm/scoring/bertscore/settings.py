"""Settings of BERTScore, and the rescaling baselines that the package bert-score carries, read
without torch."""

from importlib.util import find_spec
from pathlib import Path
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


def rescaling_baseline(encoder: str, language: str) -> dict[int, float]:
    """Baseline F1 of an encoder by layer (Zhang et al. 2020, appendix); empty if there is none."""
    path = _folder() / language / f"{encoder}.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")[1:] if path.is_file() else []
    table = [line.split(",") for line in lines if line]
    return {int(layer): float(f1) for layer, _precision, _recall, f1 in table}


def rescaling_problem(encoder: str, layer: int, language: str) -> str | None:
    """Why scores cannot be rescaled; None if they can be."""
    if layer in rescaling_baseline(encoder, language):
        return None
    return (
        f"no rescaling baseline for layer {layer} of {encoder} in {language}: "
        "set `rescale_language: null`"
    )


def _folder() -> Path:
    spec = find_spec("bert_score")
    assert spec is not None and spec.origin is not None, "installed with this project"
    return Path(spec.origin).with_name("rescale_baseline")
