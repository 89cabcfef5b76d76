"""Hit rate at 1 over the candidate items of a recommendation (SR)."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from ecslm.schemas.metrics_file import Score
from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics.protocol import Array, Item, Proportion, ratio

_RELEASED_LETTERS = frozenset(ascii_uppercase[:20])


class HitRate(Proportion):
    """The share of correct items. Letters are positions in a shuffled list, not classes."""

    NAME = "HR@1"
    ANSWERS = Choice()

    def details(self, _: Sequence[Item], totals: Array) -> dict[str, Any]:
        """Counts of hits and misses."""
        hits, records = totals.astype(int).tolist()
        return {"counts": {"hits": hits, "misses": records - hits}}

    def released(self, items: Sequence[Item]) -> Score:
        """As released: accuracy, without texts that are not exactly one letter A to T."""
        pairs = [(item.record.reference.strip(), item.record.prediction.strip()) for item in items]
        kept = [pair for pair in pairs if pair[1] in _RELEASED_LETTERS]
        hits = sum(reference == answer for reference, answer in kept)
        counts = {"hits": hits, "misses": len(kept) - hits}
        dropped = len(items) - len(kept)
        return Score.of(ratio(hits, len(kept)), {"counts": counts, "n_dropped": dropped})


METRIC = HitRate()
