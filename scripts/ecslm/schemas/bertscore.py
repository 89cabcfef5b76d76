"""Schema of a row in `results/{study}/bertscore/{model}/seed-{seed}/{task}.jsonl`."""

from pydantic import BaseModel, ConfigDict


class BertScoreRow(BaseModel):
    """BERTScore of one prediction; `f1_rescaled` is null if rescaling is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    setting: str
    precision: float
    recall: float
    f1: float
    f1_rescaled: float | None
