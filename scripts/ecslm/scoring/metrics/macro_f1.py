"""Macro-F1 over option letters (PRP, SA)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics.protocol import (
    Array,
    Item,
    Metric,
    column_totals,
    expected_f1,
    f1,
    f1s,
    ratio,
    ratios,
)


class MacroF1(Metric):
    """The mean F1 over the classes whose references are in the totals."""

    NAME = "macro-F1"
    ANSWERS = Choice()

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """Each record's true positive, false positives and false negative, by class.

        An invalid answer is a false negative of the reference's class and a false positive shared
        equally by the other classes present in the references.
        """
        classes = sorted({item.reference for item in items})

        def outcome(right: str, answer: str | None) -> Outcome:
            if answer == right:
                return {"tp": {right: 1}, "fp": {}, "fn": {}}
            shared = {name: 1 / (len(classes) - 1) for name in classes if name != right}
            return {"tp": {}, "fp": shared if answer is None else {answer: 1}, "fn": {right: 1}}

        return [outcome(item.reference, item.answer) for item in items]

    def sums(self, outcomes: Sequence[Outcome]) -> Array:
        """Columns tp, fp, fn of each class present in the references, class after class."""
        classes = sorted({name for one in outcomes for name in (*one["tp"], *one["fn"])})
        rows = [
            [one[cell].get(name, 0) for name in classes for cell in ("tp", "fp", "fn")]
            for one in outcomes
        ]
        return np.array(rows, dtype=np.float64)

    def values(self, totals: Array) -> Array:
        """Mean F1, shape (..., 3 x classes) to (...)."""
        tp, fp, fn = cells(totals)
        # A class that is present has tp + fn > 0, so its F1 is never 0 / 0.
        present = (tp + fn).real > 0
        scores = np.nan_to_num(f1s(tp, fp, fn)) * present
        return ratios(scores.sum(axis=-1), present.sum(axis=-1))

    def expected(self, chances: Array) -> float:
        """The mean over classes of each one's expected F1."""
        scores = []
        for tp, fp, fn in zip(*(cell.T for cell in cells(chances)), strict=True):
            # The reference is of the class if the answer is either right or a miss.
            own = tp + fn > 0
            scores.append(expected_f1(tp[own], fp[~own]))
        return float(np.mean(scores))

    def rarest(self, totals: Array) -> float:
        """The number of records of the rarest class in the references."""
        tp, _, fn = cells(totals)
        return float((tp + fn).min())

    def quality(self, outcome: Outcome) -> float:
        """1 for the correct class, else 0."""
        return float(sum(outcome["tp"].values()))

    def details(self, items: Sequence[Item], _: Array) -> dict[str, Any]:
        """Accuracy, macro precision and recall, F1 by class, confusion matrix."""
        return class_details(items)

    def released(self, items: Sequence[Item]) -> Score:
        """As released: macro-F1 by first characters, without texts that begin with no label."""
        found = released_details(items)
        return Score.of(found["macro_f1"], found)


METRIC = MacroF1()


def cells(sums: Array) -> Array:
    """tp, fp and fn, each by class: shape (3, ..., classes)."""
    return np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)


RELEASED_LETTERS = tuple("ABCDE")


def class_details(items: Sequence[Item]) -> dict[str, Any]:
    """Accuracy, macro scores and F1 by class, and the confusion matrix."""
    pairs = [(item.reference, item.answer or "invalid") for item in items]
    counts = Counter(reference for reference, _ in sorted(pairs))
    totals = column_totals(METRIC.sums(METRIC.outcomes(items)))
    by_class = zip(counts, cells(totals).T.tolist(), strict=True)
    return {**_details(pairs, dict(by_class)), "counts": dict(counts)}


def released_details(items: Sequence[Item]) -> dict[str, Any]:
    """As released: by first characters of reference and text, without texts that begin with no
    label; macro scores over the labels that occur in either."""
    pairs = [(item.record.reference[:1], item.record.prediction.strip()[:1]) for item in items]
    pairs = [pair for pair in pairs if pair[1] in RELEASED_LETTERS]
    hits = Counter(reference for reference, answer in pairs if reference == answer)
    references, answers = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    by_class = {
        label: (hits[label], answers[label] - hits[label], references[label] - hits[label])
        for label in sorted(references | answers)
    }
    return {**_details(pairs, by_class), "n_dropped": len(items) - len(pairs)}


def _details(
    pairs: Sequence[tuple[str, str]], by_class: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Scores from (reference, answer) pairs, and from tp, fp, fn by class; an undefined score of a
    class counts as 0."""
    precisions = [ratio(tp, tp + fp) or 0.0 for tp, fp, _ in by_class.values()]
    recalls = [ratio(tp, tp + fn) or 0.0 for tp, _, fn in by_class.values()]
    f1_by_class = {name: f1(*counts) or 0.0 for name, counts in by_class.items()}
    confusion: dict[str, dict[str, int]] = {}
    for (reference, answer), count in sorted(Counter(pairs).items()):
        confusion.setdefault(reference, {})[answer] = count
    return {
        "accuracy": ratio(sum(reference == answer for reference, answer in pairs), len(pairs)),
        "macro_precision": ratio(sum(precisions), len(by_class)),
        "macro_recall": ratio(sum(recalls), len(by_class)),
        "macro_f1": ratio(sum(f1_by_class.values()), len(by_class)),
        "f1_by_class": f1_by_class,
        "confusion": confusion,
    }
