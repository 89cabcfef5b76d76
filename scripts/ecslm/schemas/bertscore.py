"""Schema of a row in `results/{study}/bertscore/{model}/seed-{seed}/{task}.jsonl`."""

from ecslm.schemas.settings import Closed


class BertScoreRow(Closed):
    """BERTScore of one prediction; `f1_rescaled` is null if rescaling is off."""

    id: str
    setting: str
    precision: float
    recall: float
    f1: float
    f1_rescaled: float | None
