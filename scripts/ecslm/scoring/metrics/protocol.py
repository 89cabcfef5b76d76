"""The interface of metric modules, and loading one by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ecslm.schemas.metrics_file import BertScoreRow, Outcome, Score
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.modules import metric_module

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One record to score: its prediction, the correct and the parsed answer (None: invalid)."""

    record: ScoredPrediction
    reference: Any
    answer: Any | None
    bertscore: BertScoreRow | None = None


class Metric(Protocol):
    """The contents of a module in `ecslm.scoring.metrics`.

    `values(sums(outcomes).sum(axis=0))` is the strict value, so resampling and paired tests need
    only the outcomes. `PROPORTION`: each record adds 0 or 1, so McNemar's test applies.
    `INTERVAL`: the Wilson interval of a defined value, from totals and confidence; None if it must
    be bootstrapped. `EXPECTED`: the expected value where each record's outcome is drawn on its own,
    from the means over its possible outcomes, shape (records, columns); None if no trivial baseline
    answers at random.
    """

    NAME: str
    PROPORTION: bool
    INTERVAL: Callable[[Array, float], tuple[float, float]] | None
    EXPECTED: Callable[[Array], float] | None

    def outcomes(self, items: Sequence[Item], /) -> list[Outcome]:
        """The outcome of each record, in order; all items are of one setting."""

    def sums(self, outcomes: Sequence[Outcome], /) -> Array:
        """The outcomes as numbers: shape (records, columns)."""

    def values(self, totals: Array, /) -> Array:
        """The metric from sums over records, shape (..., columns) to (...); NaN if undefined."""

    def gradient(self, totals: Array, /) -> Array:
        """Derivatives of the metric by each of the sums, shape (..., columns); 0 if undefined.

        A record's influence on the metric is the product of these with its row of sums. Influences
        add up to 0 over all records, since the metric does not change if all sums are scaled.
        """

    def rarest(self, totals: Array, /) -> float | None:
        """Number of records of the rarest class; None if the metric does not depend on classes."""

    def quality(self, outcome: Outcome, /) -> float:
        """How good the answer of one record is, from 0 (wrong) to 1 (right)."""

    def details(self, items: Sequence[Item], totals: Array, /) -> dict[str, Any]:
        """Further numbers for the metrics file."""

    def released(self, items: Sequence[Item], /) -> Score:
        """The score that the released scorer of the data authors computes."""

    def released_2024(self, items: Sequence[Item], /) -> Score:
        """The score that it computed before its correction of September 2025."""


def metric(name: str) -> Metric:
    """Load the module `ecslm.scoring.metrics.{name}`; `name` is a `TaskSettings.metric`."""
    return cast(Metric, import_module(metric_module(name)))
