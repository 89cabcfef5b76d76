"""The form of a prediction in `results/{study}/predictions/{model}/seed-{seed}/{task}.jsonl`."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ecslm.common.files import read_jsonl
from ecslm.common.manifests import verify_result
from ecslm.schemas.record import Relevance


class Prediction(BaseModel):
    """The raw text generated for one record, beside what scoring needs of the record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    sample_id: str
    task: str
    setting: str
    prediction: str
    reference: str
    options: list[str] | None
    relevance: list[Relevance] | None
    prompt_sha256: str
    prompt_tokens: int
    generated_tokens: int
    finish_reason: Literal["stop", "length"]


def read_predictions(path: Path) -> list[Prediction]:
    """All predictions of a file, in order.

    Raises:
        InputError: the file is missing, altered, truncated, or a line of it is not a prediction.
    """
    verify_result(path)
    return read_jsonl(path, Prediction)
