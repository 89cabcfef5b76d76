"""Scores beside those of scikit-learn, wherever it computes the same thing."""

import math
import random
import warnings
from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    matthews_corrcoef,
    ndcg_score,
    precision_recall_fscore_support,
)
from support.scoring_examples import FIVE, QUICK, block, predictions

SIZES = pytest.mark.parametrize(
    ("size", "seed"), [(1, 0), (2, 1), (3, 2), (7, 3), (7, 4), (40, 5), (40, 6), (500, 7)]
)
YES_NO = ("yes", "no")
NO_INTERVAL = QUICK.model_copy(update={"resamples": 1})

Pairs = list[tuple[str, str]]


def drawn(seed: int, size: int, answers: tuple[str, ...], labels: tuple[str, ...]) -> Pairs:
    """Random (answer, reference) pairs; more than half of the answers are right."""
    rng = random.Random(seed)
    references = rng.choices(labels, weights=range(1, len(labels) + 1), k=size)
    return [(r if rng.random() < 0.5 else rng.choice(answers), r) for r in references]


def scores_of(code: str, pairs: Pairs, options: list[str] | None = None) -> dict[str, Any]:
    return block(code, predictions(code, pairs, options), NO_INTERVAL)


def same(found: float | None, expected: float) -> None:
    """`expected` is NaN where a score is not defined; here that is null."""
    if found is None:
        assert math.isnan(expected)
    else:
        assert found == pytest.approx(expected)


def binary(answers: list[str], references: list[str]) -> dict[str, Any]:
    """What scikit-learn says of the positive class yes, and of no for specificity and NPV."""
    (precision, npv), (recall, specificity), by_class, _ = precision_recall_fscore_support(
        references, answers, labels=YES_NO, zero_division=np.nan
    )
    tn, fp, fn, tp = confusion_matrix(references, answers, labels=["no", "yes"]).ravel()
    return {
        "accuracy": accuracy_score(references, answers),
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": matthews_corrcoef(references, answers),
        "precision": precision,
        "recall": recall,
        "specificity": specificity,
        "npv": npv,
        "counts": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        "f1_by_class": dict(zip(YES_NO, by_class, strict=True)),
    }


def same_details(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["counts"] == expected.pop("counts")
    by_class = expected.pop("f1_by_class")
    for name, value in expected.items():
        same(found[name], value)
    for label in YES_NO:
        same(found["f1_by_class"][label], by_class[label])


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """scikit-learn warns of labels that only one of the lists has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@SIZES
def test_f1_with_invalid_answers_as_the_wrong_class_or_as_released_without_them(
    size: int, seed: int
) -> None:
    pairs = drawn(seed, size, ("yes", "no", "Maybe"), YES_NO)
    wrong = {"yes": "no", "no": "yes"}
    kept = [pair for pair in pairs if pair[0] in YES_NO]
    scores = scores_of("AP", pairs)
    assert scores["released"]["details"]["n_dropped"] == size - len(kept)
    counted = [(text if text in YES_NO else wrong[right], right) for text, right in pairs]
    for found, used in ((scores["strict"], counted), (scores["released"], kept)):
        if used:
            answers, references = map(list, zip(*used, strict=True))
            same_details(found["details"], binary(answers, references))
            value = found["details"]["f1_by_class"]["yes"]
            assert found["value"] == (value or 0) and found["defined"] is (value is not None)


def same_classes(
    found: dict[str, Any], answers: list[str], references: list[str], **scope: Any
) -> None:
    every = {"zero_division": 0, **scope}
    macro = precision_recall_fscore_support(references, answers, average="macro", **every)
    scores = dict(zip(("macro_precision", "macro_recall", "macro_f1"), macro, strict=False))
    scores["accuracy"] = accuracy_score(references, answers)
    assert {name: found[name] for name in scores} == pytest.approx(scores)
    by_class = precision_recall_fscore_support(references, answers, **every)[2]
    labels = scope.get("labels", sorted({*answers, *references}))
    assert found["f1_by_class"] == pytest.approx(dict(zip(labels, by_class, strict=True)))
    either, rows = sorted({*answers, *references}), found["confusion"]
    expected = confusion_matrix(references, answers, labels=either).tolist()
    assert [[rows.get(r, {}).get(a, 0) for a in either] for r in either] == expected


@SIZES
def test_macro_scores_over_the_classes_of_the_references(size: int, seed: int) -> None:
    # D and E are answered, and are references in no record.
    pairs = drawn(seed, size, tuple("ABCDE"), tuple("ABC"))
    answers, references = map(list, zip(*pairs, strict=True))
    for code, headline in (("SA", "macro_f1"), ("MPC", "accuracy")):
        strict = scores_of(code, pairs, FIVE)["strict"]
        same_classes(strict["details"], answers, references, labels=sorted(set(references)))
        assert strict["value"] == pytest.approx(strict["details"][headline])


@SIZES
def test_released_macro_scores_over_the_labels_of_either_list(size: int, seed: int) -> None:
    pairs = drawn(seed, size, (*"ABCDE", "?", ""), tuple("ABC"))
    kept = [pair for pair in pairs if pair[0] in tuple("ABCDE")]
    for code, headline in (("PRP", "macro_f1"), ("MPC", "accuracy")):
        released = scores_of(code, pairs, FIVE)["released"]
        assert released["details"]["n_dropped"] == size - len(kept)
        if kept:
            answers, references = map(list, zip(*kept, strict=True))
            same_classes(released["details"], answers, references)
            assert released["value"] == pytest.approx(released["details"][headline])


@pytest.mark.parametrize("products", [2, 3, 8, 20])
@pytest.mark.parametrize("seed", range(5))
def test_ndcg_of_complete_rankings(products: int, seed: int) -> None:
    rng = random.Random(seed)
    gain_of = {"E": 2**1.0 - 1, "S": 2**0.1 - 1, "C": 2**0.01 - 1, "I": 0.0}
    letters = ascii_uppercase[:products]
    pairs, gains, by_rank = [], [], []
    for _ in range(10):
        # At least one relevant product: without any, scikit-learn says 0 and the rule 1.
        labels = [*rng.choices("ESCI", k=products - 1), rng.choice("ESC")]
        order = rng.sample(letters, products)
        pairs.append((",".join(order), labels))
        gains.append([gain_of[label] for label in labels])
        by_rank.append([-order.index(letter) for letter in letters])
    scores = scores_of("QPR", pairs)
    expected = ndcg_score(gains, by_rank)
    assert scores["strict"]["value"] == pytest.approx(expected)
    # The smallest ideal here is that of one C: 1e-6 of 0.007.
    assert scores["released"]["value"] == pytest.approx(expected, abs=2e-4)
