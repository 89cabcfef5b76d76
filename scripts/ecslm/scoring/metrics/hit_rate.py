"""Hit rate at 1 over the candidate items of a recommendation (SR)."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.metrics import mean
from ecslm.scoring.metrics.arithmetic import ratio
from ecslm.scoring.metrics.protocol import Array, Item

NAME = "HR@1"
PROPORTION = True
EXPECTED = mean.expected
INTERVAL = mean.proportion_interval

_RELEASED_LETTERS = frozenset(ascii_uppercase[:20])


def outcomes(items: Sequence[Item]) -> list[Outcome]:
    """1 for the correct item, else 0."""
    return [{"score": int(item.answer == item.reference)} for item in items]


def sums(outcomes: Sequence[Outcome]) -> Array:
    """Columns: hits, records."""
    return mean.sums_of("score", outcomes)


values = mean.values
gradient = mean.gradient


def rarest(_: Array) -> None:
    """None: letters are positions in a shuffled list, not classes."""


def quality(outcome: Outcome) -> float:
    """1 for the correct item, else 0."""
    return float(outcome["score"])


def details(_: Sequence[Item], totals: Array) -> dict[str, Any]:
    """Counts of hits and misses."""
    hits, records = totals.astype(int).tolist()
    return {"counts": {"hits": hits, "misses": records - hits}}


def released(items: Sequence[Item]) -> Score:
    """As released: accuracy, without texts that are not exactly one letter A to T."""
    pairs = [(item.record.reference.strip(), item.record.prediction.strip()) for item in items]
    kept = [(reference, answer) for reference, answer in pairs if answer in _RELEASED_LETTERS]
    hits = sum(reference == answer for reference, answer in kept)
    counts = {"hits": hits, "misses": len(kept) - hits}
    return Score.of(ratio(hits, len(kept)), {"counts": counts, "n_dropped": len(items) - len(kept)})


released_2024 = released
