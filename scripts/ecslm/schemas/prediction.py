"""Schema of a prediction in `results/{study}/predictions/{model}/seed-{seed}/{task}.jsonl`.

The predict step writes every field, but the user's own file may leave some out. So there are three
models with the same fields, each stricter than the one before.
"""

from pathlib import Path
from typing import Any, Literal

from ecslm.common.files import read_model
from ecslm.common.rows import Numbered, read_jsonl, read_rows
from ecslm.schemas.record import Record, Relevance
from ecslm.schemas.settings import Closed

FinishReason = Literal["stop", "length", "content_filter"]


class RecordedAnswer(Closed):
    """An answer to a record; a null field is the same as a missing one."""

    id: str | None = None
    sample_id: str | None = None
    task: str | None = None
    setting: str | None = None
    prediction: str
    reference: str | None = None
    options: list[str] | None = None
    relevance: list[Relevance] | None = None
    prompt_sha256: str | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    finish_reason: FinishReason | None = None


class GivenPrediction(RecordedAnswer):
    """A prediction in the user's own file that is scored without its records."""

    reference: str


class ScoredPrediction(GivenPrediction):
    """The raw text generated for one record, with the record's fields that scoring needs; null is
    what nobody knows, as of answers that existed before."""

    id: str
    sample_id: str
    setting: str


SHARED = ("id", "sample_id", "task", "setting", "options", "relevance")


def of_record(record: Record) -> dict[str, Any]:
    """The fields of a prediction that are those of its record."""
    return {**{name: getattr(record, name) for name in SHARED}, "reference": record.output}


def read_predictions(path: Path) -> list[ScoredPrediction]:
    """Read all predictions of a file that the predict step wrote, in order.

    Raises:
        InputError: the file is missing, altered or truncated, or a line is not a prediction.
    """
    return read_jsonl(path, ScoredPrediction)


def read_answers(path: Path) -> Numbered[RecordedAnswer]:
    """Read answers that exist already, in order, with their line numbers: JSON Lines, or a JSON
    list of the texts of the setting that the file is named after, with their places from 1.

    Raises:
        InputError: the file is missing or invalid.
    """
    if path.suffix != ".json":
        return read_rows(path, RecordedAnswer)
    texts = enumerate(read_model(path, list[str]), start=1)
    return [(place, RecordedAnswer(setting=path.stem, prediction=text)) for place, text in texts]
