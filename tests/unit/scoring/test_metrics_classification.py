"""F1, macro-F1, accuracy and hit rate: what stands beside the value, and resamples."""

import numpy as np
import pytest
from support.scoring_examples import FIVE, TWENTY, block, items, predictions

from ecslm.scoring.metrics.protocol import metric


def test_binary_f1_counts_an_invalid_answer_as_wrong_and_shows_it_apart() -> None:
    pairs = [("yes", "yes"), ("yes", "yes"), ("?", "yes"), ("?", "no"), ("no", "no")]
    details = block("PM", predictions("PM", pairs))["strict"]["details"]
    assert details["counts"] == {"tp": 2, "fp": 1, "fn": 1, "tn": 1}
    assert details["confusion"] == {
        "yes": {"yes": 2, "no": 0, "invalid": 1},
        "no": {"yes": 0, "no": 1, "invalid": 1},
    }


def test_macro_f1_of_a_resample_is_over_the_classes_in_it() -> None:
    sums = metric("macro_f1").sums(
        metric("macro_f1").outcomes(items("SA", predictions("SA", [("A", "A"), ("C", "B")], FIVE)))
    )
    resamples = np.array([[2, 0], [1, 1], [0, 2]]) @ sums
    assert metric("macro_f1").values(resamples).tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_macro_f1_shows_invalid_answers_apart() -> None:
    pairs = [("A", "A: very positive"), ("x", "A"), ("B", "B"), ("A", "B")]
    details = block("SA", predictions("SA", pairs, FIVE))["strict"]["details"]
    assert details["confusion"] == {"A": {"A": 1, "invalid": 1}, "B": {"A": 1, "B": 1}}
    assert details["counts"] == {"A": 2, "B": 2}
    assert details["f1_by_class"] == pytest.approx({"A": 1 / 2, "B": 2 / 4})
    assert details["interval"]["reliable"] is False


def test_accuracy_has_a_wilson_interval_over_all_records() -> None:
    pairs = [("A", "A: very positive"), ("B", "A"), ("no idea", "C"), ("neutral", "C")]
    strict = block("MPC", predictions("MPC", pairs, FIVE))["strict"]
    assert strict["ci95"] == pytest.approx([0.1500, 0.8500], abs=5e-5)
    assert strict["details"]["interval"] == {"method": "wilson", "reliable": False}


@pytest.mark.parametrize(("records", "reliable"), [(10, True), (9, False)])
def test_ten_records_are_enough_for_a_wilson_interval(records: int, reliable: bool) -> None:
    strict = block("MPC", predictions("MPC", [("A", "A")] * records, FIVE))["strict"]
    assert strict["details"]["interval"]["reliable"] is reliable


@pytest.mark.parametrize(("positives", "reliable"), [(10, True), (9, False)])
def test_ten_positives_are_enough_for_a_wilson_interval_of_f1(
    positives: int, reliable: bool
) -> None:
    pairs = [("yes", "yes")] * positives + [("yes", "no")] * 90
    strict = block("PM", predictions("PM", pairs))["strict"]
    assert strict["details"]["interval"] == {"method": "wilson", "reliable": reliable}


def test_hit_rate_counts_hits_misses_and_what_is_dropped_as_released() -> None:
    pairs = [("A", "A"), ("b", "B"), ("C: item cc", "C"), (" D ", "E"), ("item tt", "T"), ("", "A")]
    scores = block("SR", predictions("SR", pairs, TWENTY))
    assert scores["strict"]["details"]["counts"] == {"hits": 4, "misses": 2}
    assert scores["released"]["details"] == {"counts": {"hits": 1, "misses": 1}, "n_dropped": 4}
