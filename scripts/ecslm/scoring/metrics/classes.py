"""Shared by the metrics over option letters: counts by class, macro scores, confusion matrix."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.metrics.arithmetic import column_totals, f1, ratio
from ecslm.scoring.metrics.protocol import Array, Item

RELEASED_LETTERS = tuple("ABCDE")


def class_outcomes(items: Sequence[Item]) -> list[Outcome]:
    """Each record's true positive, false positives and false negative, by class.

    An invalid answer is a false negative of the reference's class and a false positive shared
    equally by the other classes present in the references.
    """
    classes = sorted({item.reference for item in items})
    return [_class_outcome(item.reference, item.answer, classes) for item in items]


def _class_outcome(reference: str, answer: str | None, classes: Sequence[str]) -> Outcome:
    if answer == reference:
        return {"tp": {reference: 1}, "fp": {}, "fn": {}}
    if answer is not None:
        return {"tp": {}, "fp": {answer: 1}, "fn": {reference: 1}}
    others = [name for name in classes if name != reference]
    return {"tp": {}, "fp": {name: 1 / len(others) for name in others}, "fn": {reference: 1}}


def class_sums(outcomes: Sequence[Outcome]) -> Array:
    """Columns tp, fp, fn of each class present in the references, class after class."""
    classes = sorted({name for outcome in outcomes for name in (*outcome["tp"], *outcome["fn"])})
    rows = [
        [outcome[cell].get(name, 0) for name in classes for cell in ("tp", "fp", "fn")]
        for outcome in outcomes
    ]
    return np.array(rows, dtype=np.float64)


def of_classes(sums: Array) -> Array:
    """Columns by class, then tp, fp, fn: shape (..., classes, 3)."""
    return sums.reshape(*sums.shape[:-1], -1, 3)


def class_details(items: Sequence[Item]) -> dict[str, Any]:
    """Accuracy, macro scores and F1 by class from `class_outcomes`, and the confusion matrix."""
    classes = sorted({item.reference for item in items})
    totals = of_classes(column_totals(class_sums(class_outcomes(items))))
    pairs = [(item.reference, item.answer or "invalid") for item in items]
    return {
        "accuracy": ratio(sum(item.reference == item.answer for item in items), len(items)),
        **_macro_scores(dict(zip(classes, totals.tolist(), strict=True))),
        "confusion": _confusion(pairs),
        "counts": dict(Counter(reference for reference, _ in sorted(pairs))),
    }


def released_details(items: Sequence[Item]) -> dict[str, Any]:
    """As released: by first characters of reference and text, without texts that begin with no
    label; macro scores over the labels that occur in either."""
    pairs = [(item.record.reference[:1], item.record.prediction.strip()[:1]) for item in items]
    pairs = [pair for pair in pairs if pair[1] in RELEASED_LETTERS]
    hits = Counter(reference for reference, answer in pairs if reference == answer)
    references, answers = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    counts = {
        label: (hits[label], answers[label] - hits[label], references[label] - hits[label])
        for label in sorted(references | answers)
    }
    return {
        "accuracy": ratio(hits.total(), len(pairs)),
        **_macro_scores(counts),
        "confusion": _confusion(pairs),
        "n_dropped": len(items) - len(pairs),
    }


def _macro_scores(counts: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Macro scores from tp, fp, fn by class; an undefined score of a class counts as 0."""
    precisions = [ratio(tp, tp + fp) or 0.0 for tp, fp, _ in counts.values()]
    recalls = [ratio(tp, tp + fn) or 0.0 for tp, _, fn in counts.values()]
    f1_by_class = {name: f1(*cells) or 0.0 for name, cells in counts.items()}
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
