"""Mean BERTScore F1 of generated texts (AG), from the rows of the BERTScore step.

Zhang et al., BERTScore: Evaluating text generation with BERT, ICLR 2020.
"""

import math
from collections.abc import Sequence
from typing import Any

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import Generation
from ecslm.scoring.metrics.protocol import Array, Item, Mean, ratio


class BertF1(Mean):
    """The mean F1."""

    NAME = "F_BERT"
    ANSWERS = Generation()

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """The record's F1; 0 for an empty text."""
        return [{"score": _part(item, "f1") or 0.0} for item in items]

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """Mean precision, recall and rescaled F1, which is null if it was not computed."""
        return {name: _mean(items, name) for name in ("precision", "recall", "f1_rescaled")}

    def released(self, items: Sequence[Item]) -> Score:
        """As released: the same mean."""
        return Score.of(_mean(items, "f1"), {})


METRIC = BertF1()


def _part(item: Item, name: str) -> float | None:
    """A field of the record's BERTScore row; for an empty text 0, or 0 after rescaling."""
    assert item.bertscore is not None
    # 0 after rescaling is negative; the row already has that value.
    part: float | None = getattr(item.bertscore, name)
    return part if item.answer is not None or name == "f1_rescaled" else 0.0


def _mean(items: Sequence[Item], name: str) -> float | None:
    parts = [_part(item, name) for item in items]
    known = [part for part in parts if part is not None]
    return ratio(math.fsum(known), len(known)) if len(known) == len(parts) else None
