"""What a metric is, loading one by name, and what metrics share: ratios, means, scores by class."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecslm.schemas.metrics_file import BertScoreRow, Outcome, Score
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers import AnswerType
from ecslm.scoring.intervals import wilson_interval
from ecslm.scoring.settings import metric_module

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One record to score: its prediction, the correct and the parsed answer (None: invalid)."""

    record: ScoredPrediction
    reference: Any
    answer: Any | None
    bertscore: BertScoreRow | None = None

    @property
    def text(self) -> str:
        """The answer as it was parsed, so that `A` and `A: positive` are one; an invalid one's
        text."""
        if self.answer is None:
            return self.record.prediction.strip()
        if isinstance(self.answer, str):
            return self.answer
        return ", ".join(one if isinstance(one, str) else ": ".join(one) for one in self.answer)


class Metric(ABC):
    """A metric; each module in `ecslm.scoring.metrics` that has one calls it `METRIC`.

    `values(sums(outcomes).sum(axis=0))` is the strict value, so resampling and paired tests need
    only the outcomes.
    """

    NAME: ClassVar[str]
    ANSWERS: ClassVar[AnswerType]
    """How the answers that it scores are parsed: as its line of the registry says."""
    PROPORTION: ClassVar[bool] = False
    """Each record adds 0 or 1, so McNemar's test applies."""
    INTERVAL: Callable[[Array, float], tuple[float, float]] | None = None
    """The Wilson interval of a defined value, from totals and confidence; None if it must be
    bootstrapped."""
    CELLS: ClassVar[tuple[str, ...]] = ()
    """The numbers of an outcome, which are the columns of `sums`."""

    def item(self, record: ScoredPrediction, bertscore: BertScoreRow | None = None) -> Item:
        """A record to score, its answer parsed as the strict protocol does."""
        answers = self.ANSWERS
        return Item(record, answers.reference(record), answers.strict(record), bertscore)

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


def column_totals(sums: Array) -> Array:
    """Exact sum over records, in any order: shape (records, columns) to (columns)."""
    return np.array([math.fsum(column) for column in sums.T.tolist()])


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`; None if `whole` is 0."""
    return float(part) / float(whole) if whole else None


def ratios(parts: Array, wholes: Array) -> Array:
    """Element-wise `parts / wholes`; NaN where the whole is 0."""
    found: Array = np.full(np.shape(wholes), np.nan, dtype=np.result_type(parts, wholes))
    np.divide(parts, wholes, out=found, where=wholes != 0)
    return found


def f1(tp: float, fp: float, fn: float) -> float | None:
    """F1 = 2 tp / (2 tp + fp + fn); None if there are no predicted and no actual positives."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def f1s(tp: Array, fp: Array, fn: Array) -> Array:
    """Element-wise F1; NaN where it is undefined."""
    return ratios(2 * tp, 2 * tp + fp + fn)


class Mean(Metric):
    """The mean over records of the only number of an outcome; columns: that number, records."""

    CELLS = ("score",)

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """The number, and 1 to count the record."""
        (name,) = self.CELLS
        return np.array([(outcome[name], 1.0) for outcome in outcomes], dtype=np.float64)

    def values(self, totals: Array) -> Array:
        """The mean over records."""
        return ratios(totals[..., 0], totals[..., 1])

    def expected(self, chances: Array) -> float:
        """That of expected numbers."""
        return float(self.values(column_totals(chances)))

    def quality(self, outcome: Outcome) -> float:
        """The number itself."""
        (name,) = self.CELLS
        return float(outcome[name])


def _wilson(totals: Array, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a mean of zeros and ones."""
    hits, records = totals.astype(int).tolist()
    return wilson_interval(hits, records, confidence)


class Proportion(Mean):
    """The share of right answers."""

    PROPORTION = True
    INTERVAL = staticmethod(_wilson)

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """1 for the right answer, else 0."""
        return [{"score": int(item.answer == item.reference)} for item in items]


RELEASED_LETTERS = tuple("ABCDE")
INVALID = "invalid"


class OfClasses(Metric):
    """A metric of option letters that are classes."""

    HEADLINE: ClassVar[str]
    """The score among those by class that it is."""

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """Accuracy, macro scores and F1 by class, as `macro_f1` counts them, and the confusion
        matrix."""
        pairs = [(item.reference, item.answer or INVALID) for item in items]
        counts = Counter(sorted(reference for reference, _ in pairs))
        return {**_class_scores(pairs, [*counts]), "counts": dict(counts)}

    def released(self, items: Sequence[Item]) -> Score:
        """As released: by first characters of reference and text, without texts that begin with no
        label; macro scores over the labels that occur in either."""
        pairs = [(item.record.reference[:1], item.record.prediction.strip()[:1]) for item in items]
        pairs = [pair for pair in pairs if pair[1] in RELEASED_LETTERS]
        found = _class_scores(pairs, sorted({label for pair in pairs for label in pair}))
        dropped = len(items) - len(pairs)
        return Score.of(found[self.HEADLINE], {**found, "n_dropped": dropped})


def _class_scores(pairs: Sequence[tuple[str, str]], classes: Sequence[str]) -> dict[str, Any]:
    """Scores from (reference, answer) pairs: an invalid answer is a false positive shared equally
    by the other classes; an undefined score of a class counts as 0."""
    matrix = Counter(pairs)
    references, answers = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    confusion: dict[str, dict[str, int]] = {}
    for (reference, answer), count in sorted(matrix.items()):
        confusion.setdefault(reference, {})[answer] = count
    precisions, recalls, f1_by_class = [], [], {}
    for name in classes:
        tp = matrix[name, name]
        shares = [1 / max(1, len(classes) - 1)] * (answers[INVALID] - matrix[name, INVALID])
        fp, fn = math.fsum([answers[name] - tp, *shares]), references[name] - tp
        precisions.append(ratio(tp, tp + fp) or 0.0)
        recalls.append(ratio(tp, tp + fn) or 0.0)
        f1_by_class[name] = f1(tp, fp, fn) or 0.0
    return {
        "accuracy": ratio(sum(reference == answer for reference, answer in pairs), len(pairs)),
        "macro_precision": ratio(sum(precisions), len(classes)),
        "macro_recall": ratio(sum(recalls), len(classes)),
        "macro_f1": ratio(sum(f1_by_class.values()), len(classes)),
        "f1_by_class": f1_by_class,
        "confusion": confusion,
    }


# Numbers of hits with a smaller probability are left out: together, less than rounding errors.
_NEGLIGIBLE = 1e-18


def expected_f1(hits: Array, false_alarms: Array) -> float:
    """The expected value of 2 tp / (2 tp + fp + fn), over independent records.

    An F1 is not linear, so its expected value is not the F1 of the expected counts.

    Args:
        hits: for each record of the class, the probability that it is a true positive; otherwise it
            is a false negative.
        false_alarms: for each other record, the probability that it is a false positive.
    """
    tp_values, tp_chances = _distribution(hits)
    fp_values, fp_chances = _distribution(false_alarms)
    wholes = len(hits) + tp_values[:, None] + fp_values
    # Nothing of the class and no answer of it: undefined, counted as 0.
    scores = np.nan_to_num(ratios(np.broadcast_to(2 * tp_values[:, None], wholes.shape), wholes))
    return float(tp_chances @ scores @ fp_chances)


def _distribution(chances: Array) -> tuple[Array, Array]:
    """How many of independent events happen: the numbers that may be, and their probabilities.

    Events with equal chances are a binomial; different binomials are convolved.
    """
    start, found = 0, np.ones(1)
    for chance, count in zip(*np.unique(chances, return_counts=True), strict=True):
        found = np.convolve(found, _binomial(int(count), float(chance)))
        kept = np.flatnonzero(found > _NEGLIGIBLE)
        start += int(kept[0])
        found = found[kept[0] : kept[-1] + 1]
    return start + np.arange(len(found), dtype=np.float64), found


def _binomial(count: int, chance: float) -> Array:
    """The probabilities of 0 to `count` of `count` events with equal chances."""
    if chance in (0.0, 1.0):
        certain = np.zeros(count + 1)
        certain[int(chance) * count] = 1.0
        return certain
    logs = [
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        for k in range(count + 1)
    ]
    k = np.arange(count + 1)
    found: Array = np.exp(logs + k * math.log(chance) + (count - k) * math.log1p(-chance))
    return found
