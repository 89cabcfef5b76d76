"""The form of a prediction in `results/{study}/predictions/{model}/seed-{seed}/{task}.jsonl`.

Our own predict step writes every field. A file of the user's own may say less, so that there are
three forms of the same fields, each narrower than the one before.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ecslm.common.files import read_jsonl
from ecslm.common.manifests import verify_result
from ecslm.schemas.record import Relevance

FinishReason = Literal["stop", "length"]


class GivenPrediction(BaseModel):
    """A prediction in a file of the user's own; null and missing are the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = None
    sample_id: str | None = None
    task: str | None = None
    setting: str | None = None
    prediction: str
    reference: str
    options: list[str] | None = None
    relevance: list[Relevance] | None = None
    prompt_sha256: str | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    finish_reason: FinishReason | None = None


class ScoredPrediction(GivenPrediction):
    """A prediction whose record has a name and a setting, which is all that scoring needs."""

    id: str
    sample_id: str
    setting: str


class Prediction(ScoredPrediction):
    """The raw text generated for one record, beside what scoring needs of the record."""

    task: str
    options: list[str] | None
    relevance: list[Relevance] | None
    prompt_sha256: str
    prompt_tokens: int
    generated_tokens: int
    finish_reason: FinishReason


def read_predictions(path: Path) -> list[Prediction]:
    """All predictions of a file that the predict step wrote, in order.

    Raises:
        InputError: the file is missing, altered, truncated, or a line of it is not a prediction.
    """
    verify_result(path)
    return read_jsonl(path, Prediction)
