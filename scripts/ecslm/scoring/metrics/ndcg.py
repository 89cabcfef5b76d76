"""Normalised discounted cumulative gain of a ranking of products (QPR).

Jaervelin and Kekaelaeinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002;
with the exponential gain of Burges et al., Learning to rank using gradient descent, ICML 2005.
"""

import math
from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from typing import Any

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import Ranking
from ecslm.scoring.metrics.protocol import Array, Item, Mean

# Exact, substitute, complement, irrelevant: gains of the ESCI shopping queries data set
# (Reddy et al., 2022).
GAINS = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}


class Ndcg(Mean):
    """The mean normalised gain."""

    NAME = "NDCG"
    ANSWERS = Ranking()
    CELLS = ("gain",)

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """The record's normalised gain; 0 for an invalid answer."""
        return [{"gain": 0.0 if item.answer is None else _ndcg(item)} for item in items]

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """How many rankings have the best order, and how many lack products."""
        ranked = [(len(item.answer or ()), len(item.reference)) for item in items]
        return {
            "counts": {
                "best_order": sum(outcome["gain"] >= 1 for outcome in self.outcomes(items)),
                "incomplete": sum(0 < given < labels for given, labels in ranked),
            }
        }

    def released(self, items: Sequence[Item]) -> Score:
        """As released: strips the text, splits it at commas and looks up each piece's first
        character. So a space before any letter but the first makes that piece invalid.

        The ideal gain is that of the pieces found, so missing products cost nothing.
        """
        total = math.fsum(_released_ndcg(item) for item in items)
        return Score.of(total / len(items), {})


METRIC = Ndcg()


def _dcg(labels: Iterable[str]) -> float:
    """Sum of (2^gain - 1) / log2(rank + 1) over labels, best rank first."""
    return sum(
        (2 ** GAINS[label] - 1) / math.log2(rank + 1) for rank, label in enumerate(labels, start=1)
    )


def _ideal(labels: Iterable[str]) -> float:
    return _dcg(sorted(labels, key=lambda label: -GAINS[label]))


def _ndcg(item: Item) -> float:
    ideal = _ideal(item.reference)
    label_of = dict(zip(ascii_uppercase, item.reference, strict=False))
    return _dcg(label_of[letter] for letter in item.answer or ()) / ideal if ideal else 1.0


def _released_ndcg(item: Item) -> float:
    label_of = dict(zip(ascii_uppercase, item.reference, strict=False))
    pieces = item.record.prediction.strip().split(",")
    found = [label_of[piece[:1]] for piece in pieces if piece[:1] in label_of]
    return _dcg(found) / (_ideal(found) + 1e-6)
