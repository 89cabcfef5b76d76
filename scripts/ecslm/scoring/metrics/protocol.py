"""What a metric is, what is shared by all, and loading one by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

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


class Metric(ABC):
    """A metric; each module in `ecslm.scoring.metrics` that has one calls it `METRIC`.

    `values(sums(outcomes).sum(axis=0))` is the strict value, so resampling and paired tests need
    only the outcomes.
    """

    NAME: ClassVar[str]
    PROPORTION: ClassVar[bool] = False
    """Each record adds 0 or 1, so McNemar's test applies."""
    INTERVAL: Callable[[Array, float], tuple[float, float]] | None = None
    """The Wilson interval of a defined value, from totals and confidence; None if it must be
    bootstrapped."""
    CELLS: ClassVar[tuple[str, ...]] = ()
    """The numbers of an outcome, which are the columns of `sums`."""

    @abstractmethod
    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcome of each record, in order; all items are of one setting."""

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """The outcomes as numbers: shape (records, columns)."""
        rows = [[outcome[name] for name in self.CELLS] for outcome in outcomes]
        return np.array(rows, dtype=np.float64)

    @abstractmethod
    def values(self, totals: Array) -> Array:
        """The metric from sums over records, shape (..., columns) to (...); NaN if undefined.

        Sums may be complex, by which tests find derivatives: no absolute values, and comparisons of
        real parts alone. A common scale of all sums changes nothing.
        """

    def expected(self, chances: Array) -> float:
        """The expected value where each record's outcome is drawn on its own, from the means over
        its possible outcomes, shape (records, columns); asked if a baseline answers at random."""
        raise NotImplementedError

    def rarest(self, totals: Array) -> float | None:  # noqa: ARG002
        """Number of records of the rarest class; None if the metric does not depend on classes."""
        return None

    @abstractmethod
    def quality(self, outcome: Outcome) -> float:
        """How good the answer of one record is, from 0 (wrong) to 1 (right)."""

    @abstractmethod
    def details(self, items: Sequence[Item], totals: Array) -> dict[str, Any]:
        """Further numbers for the metrics file."""

    @abstractmethod
    def released(self, items: Sequence[Item]) -> Score:
        """The score that the released scorer of the data authors computes."""

    def released_2024(self, items: Sequence[Item]) -> Score:
        """The score that it computed before its correction of September 2025."""
        return self.released(items)


def metric(name: str) -> Metric:
    """The metric of the module `ecslm.scoring.metrics.{name}`, a `TaskSettings.metric`."""
    found: Metric = import_module(metric_module(name)).METRIC
    return found
