"""What every metric module offers, what it works on, and how one is loaded by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ecslm.schemas.bertscore import BertScoreRow
from ecslm.schemas.metrics_file import Score
from ecslm.schemas.outcome import Outcome
from ecslm.schemas.prediction import ScoredPrediction

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One record to score: its prediction, the right answer, the parsed answer (None: invalid)."""

    record: ScoredPrediction
    reference: Any
    answer: Any | None
    bertscore: BertScoreRow | None = None


class Metric(Protocol):
    """The names of a module of `ecslm.scoring.metrics`.

    `values(sums(outcomes).sum(axis=0))` is the strict value, so that resampling and paired tests
    need the outcomes alone. `PROPORTION`: each record adds 0 or 1, so that McNemar's test applies.
    `INTERVAL`: totals and confidence to the interval of a defined value, by Wilson; None if it has
    to be bootstrapped.
    """

    NAME: str
    PROPORTION: bool
    INTERVAL: Callable[[Array, float], tuple[float, float]] | None

    def outcomes(self, items: Sequence[Item], /) -> list[Outcome]:
        """What each record adds to the metric, in order; all items are of one setting."""

    def sums(self, outcomes: Sequence[Outcome], /) -> Array:
        """The outcomes as numbers: shape (records, columns)."""

    def values(self, totals: Array, /) -> Array:
        """The metric from sums over records, shape (..., columns) to (...); NaN where undefined."""

    def gradient(self, totals: Array, /) -> Array:
        """Derivatives of the metric by each of the sums, shape (..., columns); 0 if undefined.

        The metric does not change when all sums are multiplied by a number, so that derivatives
        times what records add, summed over records, are 0: each is the influence of a record.
        """

    def rarest(self, totals: Array, /) -> float | None:
        """Records of the rarest class that the metric depends on; None if it has no classes."""

    def quality(self, outcome: Outcome, /) -> float:
        """How good the answer of one record is, from 0 (wrong) to 1 (right)."""

    def details(self, items: Sequence[Item], totals: Array, /) -> dict[str, Any]:
        """What the metrics file tells beside the strict value."""

    def released(self, items: Sequence[Item], /) -> Score:
        """What the scorer that the data set's authors released computes."""

    def released_2024(self, items: Sequence[Item], /) -> Score:
        """What that scorer computed before its correction of September 2025."""


def metric(name: str) -> Metric:
    """The module `ecslm.scoring.metrics.{name}`, for `name` = `TaskSettings.metric`."""
    return cast(Metric, import_module(f"ecslm.scoring.metrics.{name}"))
