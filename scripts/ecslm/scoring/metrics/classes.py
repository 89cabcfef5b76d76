"""Shared by the metrics over option letters: counts by class, macro scores, confusion matrix."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.metrics.arithmetic import column_totals, f1, f1_gradient, ratio, ratios
from ecslm.scoring.metrics.expectation import expected_f1
from ecslm.scoring.metrics.protocol import Array, Item

RELEASED_LETTERS = "ABCDE"


def class_outcomes(items: Sequence[Item]) -> list[Outcome]:
    """Each record's true positive, false positives and false negative, by class.

    An invalid answer is a false negative of the reference's class and a false positive shared
    equally by the other classes present in the references.
    """
    classes = sorted({item.reference for item in items})
    return [_class_outcome(item.reference, item.answer, classes) for item in items]


def class_sums(outcomes: Sequence[Outcome]) -> Array:
    """Columns tp, fp, fn of each class present in the references, class after class."""
    classes = sorted({name for outcome in outcomes for name in (*outcome["tp"], *outcome["fn"])})
    return np.array(
        [
            [outcome[cell].get(name, 0) for name in classes for cell in ("tp", "fp", "fn")]
            for outcome in outcomes
        ],
        dtype=np.float64,
    )


def macro_f1(totals: Array) -> Array:
    """Mean F1 over the classes whose references are in the totals, shape (..., 3 x classes)."""
    tp, fp, fn = np.moveaxis(_by_class(totals), -1, 0)
    # A class that is present has tp + fn > 0, so its F1 is never 0 / 0.
    scores = np.nan_to_num(ratios(2 * tp, 2 * tp + fp + fn))
    present = tp + fn > 0
    return ratios((scores * present).sum(axis=-1), present.sum(axis=-1))


def macro_f1_gradient(totals: Array) -> Array:
    """Derivatives by tp, fp and fn of each class, shape (..., 3 x classes); 0 if absent."""
    tp, fp, fn = np.moveaxis(_by_class(totals), -1, 0)
    present = tp + fn > 0
    count = np.maximum(present.sum(axis=-1), 1)
    by_class = f1_gradient(tp, fp, fn) * (present / count[..., None])[..., None]
    found: Array = by_class.reshape(totals.shape)
    return found


def expected_macro_f1(chances: Array) -> float:
    """The mean over classes of each one's expected F1."""
    scores = []
    for tp, fp, fn in np.moveaxis(_by_class(chances), 0, -1):
        # The reference is of the class if the answer is either right or a miss.
        own = tp + fn > 0
        scores.append(expected_f1(tp[own], fp[~own]))
    return float(np.mean(scores))


def smallest_class(totals: Array) -> float:
    """The number of records of the rarest class in the references."""
    tp, _, fn = np.moveaxis(_by_class(totals), -1, 0)
    return float((tp + fn).min())


def class_quality(outcome: Outcome) -> float:
    """1 for the correct class, else 0."""
    return float(sum(outcome["tp"].values()))


def class_details(items: Sequence[Item]) -> dict[str, Any]:
    """Accuracy, macro scores and F1 by class from `class_outcomes`, and the confusion matrix."""
    classes = sorted({item.reference for item in items})
    totals = _by_class(column_totals(class_sums(class_outcomes(items))))
    counts = dict(zip(classes, totals.tolist(), strict=True))
    pairs = [(item.reference, item.answer or "invalid") for item in items]
    return {
        "accuracy": ratio(sum(item.reference == item.answer for item in items), len(items)),
        **_macro_scores(counts),
        "confusion": _confusion(pairs),
        "counts": dict(Counter(reference for reference, _ in sorted(pairs))),
    }


def released_pairs(items: Sequence[Item]) -> list[tuple[str, str]]:
    """As released: first characters of reference and text; drops texts that begin with no label."""
    pairs = [(item.record.reference[:1], item.record.prediction.strip()[:1]) for item in items]
    return [(reference, answer) for reference, answer in pairs if answer in set(RELEASED_LETTERS)]


def released_details(pairs: Sequence[tuple[str, str]], items: Sequence[Item]) -> dict[str, Any]:
    """As released: macro scores over the labels that occur in either list."""
    labels = sorted({label for pair in pairs for label in pair})
    hits = Counter(reference for reference, answer in pairs if reference == answer)
    references = Counter(reference for reference, _ in pairs)
    answers = Counter(answer for _, answer in pairs)
    counts: dict[str, list[float]] = {
        label: [hits[label], answers[label] - hits[label], references[label] - hits[label]]
        for label in labels
    }
    return {
        "accuracy": ratio(sum(hits.values()), len(pairs)),
        **_macro_scores(counts),
        "confusion": _confusion(pairs),
        "n_dropped": len(items) - len(pairs),
    }


def _class_outcome(reference: str, answer: str | None, classes: Sequence[str]) -> Outcome:
    if answer == reference:
        return {"tp": {reference: 1}, "fp": {}, "fn": {}}
    if answer is not None:
        return {"tp": {}, "fp": {answer: 1}, "fn": {reference: 1}}
    others = [name for name in classes if name != reference]
    return {"tp": {}, "fp": {name: 1 / len(others) for name in others}, "fn": {reference: 1}}


def _by_class(totals: Array) -> Array:
    return totals.reshape(*totals.shape[:-1], -1, 3)


def _macro_scores(counts: dict[str, list[float]]) -> dict[str, Any]:
    """Macro scores from tp, fp, fn by class; an undefined score of a class counts as 0."""
    precisions = [ratio(tp, tp + fp) or 0.0 for tp, fp, _ in counts.values()]
    recalls = [ratio(tp, tp + fn) or 0.0 for tp, _, fn in counts.values()]
    f1_by_class = {name: f1(tp, fp, fn) or 0.0 for name, (tp, fp, fn) in counts.items()}
    return {
        "macro_precision": ratio(sum(precisions), len(counts)),
        "macro_recall": ratio(sum(recalls), len(counts)),
        "macro_f1": ratio(sum(f1_by_class.values()), len(counts)),
        "f1_by_class": f1_by_class,
    }


def _confusion(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Counts by reference, then by answer; answers that never occur are left out."""
    matrix: dict[str, dict[str, int]] = {}
    for (reference, answer), count in sorted(Counter(pairs).items()):
        matrix.setdefault(reference, {})[answer] = count
    return matrix
