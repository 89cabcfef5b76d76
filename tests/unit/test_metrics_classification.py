"""F1, macro-F1, accuracy and hit rate: hand-worked values, released quirks, scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_examples import FIVE, TWENTY, block, items, predictions
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from ecslm.metrics import accuracy, binary_f1, hit_rate, macro_f1
from ecslm.metrics.protocol import Metric

YES_NO = st.sampled_from(["yes", "no"])
LETTER = st.sampled_from("ABCDE")


def value(metric: Metric, code: str, pairs: list, options: list[str] | None = None) -> float:
    outcomes = metric.outcomes(items(code, predictions(code, pairs, options)))
    return float(metric.values(metric.sums(outcomes).sum(axis=0)))


def test_binary_f1_counts_an_invalid_answer_as_the_wrong_one() -> None:
    pairs = [("yes", "yes"), ("yes", "yes"), ("?", "yes"), ("?", "no"), ("no", "no")]
    strict = block("PM", predictions("PM", pairs))["strict"]
    assert strict["value"] == pytest.approx(2 / 3)
    details = strict["details"]
    assert details["counts"] == {"tp": 2, "fp": 1, "fn": 1, "tn": 1}
    assert details["confusion"] == {
        "yes": {"yes": 2, "no": 0, "invalid": 1},
        "no": {"yes": 0, "no": 1, "invalid": 1},
    }
    assert details["accuracy"] == pytest.approx(3 / 5)
    assert details["precision"] == pytest.approx(2 / 3)
    assert details["recall"] == pytest.approx(2 / 3)
    assert details["specificity"] == pytest.approx(1 / 2)
    assert details["npv"] == pytest.approx(1 / 2)
    assert details["f1_by_class"] == pytest.approx({"yes": 2 / 3, "no": 1 / 2})


def test_binary_f1_released_drops_what_is_not_just_yes_or_no() -> None:
    pairs = [(" YES ", "yes"), ("yes.", "yes"), ("", "no"), ("yes", "no"), ("no", "no")]
    released = block("PM", predictions("PM", pairs))["released"]
    assert released["value"] == pytest.approx(2 / 3)
    assert released["details"]["n_dropped"] == 2
    assert released["details"]["counts"] == {"tp": 1, "fp": 1, "fn": 0, "tn": 1}


def test_binary_f1_without_any_yes_is_zero_and_undefined() -> None:
    scores = block("PM", predictions("PM", [("no", "no")] * 3))
    for protocol in ("strict", "released", "released_2024"):
        assert scores[protocol]["value"] == 0
        assert scores[protocol]["defined"] is False
    assert scores["strict"]["ci95"] is None
    assert scores["strict"]["details"]["interval"] == {"method": "bootstrap", "reliable": False}
    assert scores["strict"]["details"]["precision"] is None


def test_binary_f1_of_zero_is_defined_when_there_is_a_yes() -> None:
    strict = block("PM", predictions("PM", [("no", "yes"), ("no", "no")]))["strict"]
    assert (strict["value"], strict["defined"]) == (0, True)


def test_binary_f1_released_with_nothing_left_is_undefined() -> None:
    released = block("PM", predictions("PM", [("dunno", "yes")]))["released"]
    assert (released["value"], released["defined"]) == (0, False)
    assert released["details"]["accuracy"] is None


@given(pairs=st.lists(st.tuples(YES_NO, YES_NO), min_size=1, max_size=30))
def test_binary_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    answers, references = zip(*pairs, strict=True)
    expected = f1_score(references, answers, pos_label="yes", zero_division=0)
    strict = np.nan_to_num(value(binary_f1, "PM", pairs))
    assert strict == pytest.approx(expected)
    released = binary_f1.released(items("PM", predictions("PM", pairs)))
    assert released.value == pytest.approx(expected)


def test_macro_f1_shares_an_invalid_answer_between_the_other_classes() -> None:
    pairs = [("A", "A"), ("?", "A"), ("B", "B"), ("C", "C")]
    f1_of_a, f1_of_others = 2 / 3, 2 / 2.5
    assert value(macro_f1, "SA", pairs, FIVE) == pytest.approx((f1_of_a + 2 * f1_of_others) / 3)


def test_macro_f1_is_over_classes_present_in_the_references() -> None:
    # D is answered but is no reference: it costs B its record and adds no class.
    assert value(macro_f1, "SA", [("A", "A"), ("D", "B")], FIVE) == pytest.approx((1 + 0) / 2)


def test_macro_f1_of_one_class_only() -> None:
    assert value(macro_f1, "SA", [("A", "A"), ("?", "A")], FIVE) == pytest.approx(2 / 3)


def test_macro_f1_of_a_resample_is_over_the_classes_in_it() -> None:
    sums = macro_f1.sums(
        macro_f1.outcomes(items("SA", predictions("SA", [("A", "A"), ("C", "B")], FIVE)))
    )
    resamples = np.array([[2, 0], [1, 1], [0, 2]]) @ sums
    assert macro_f1.values(resamples).tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_macro_f1_details() -> None:
    pairs = [("A", "A: very positive"), ("x", "A"), ("B", "B"), ("A", "B")]
    details = block("SA", predictions("SA", pairs, FIVE))["strict"]["details"]
    assert details["accuracy"] == pytest.approx(1 / 2)
    assert details["confusion"] == {"A": {"A": 1, "invalid": 1}, "B": {"A": 1, "B": 1}}
    assert details["counts"] == {"A": 2, "B": 2}
    assert details["f1_by_class"] == pytest.approx({"A": 1 / 2, "B": 2 / 4})
    assert details["interval"]["reliable"] is False


def test_macro_f1_released_reads_first_characters_over_labels_of_either_list() -> None:
    pairs = [
        ("Absolutely", "A: very positive"),
        (" B", "B: positive"),
        ("D", "B: positive"),
        ("a", "A: very positive"),
        ("", "C: neutral"),
        ("Sure", "C: neutral"),
    ]
    released = block("SA", predictions("SA", pairs, FIVE))["released"]
    assert released["value"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert released["details"]["n_dropped"] == 3
    assert released["details"]["accuracy"] == pytest.approx(2 / 3)


def test_released_macro_f1_with_nothing_left_is_undefined() -> None:
    released = block("SA", predictions("SA", [("", "A")], FIVE))["released"]
    assert (released["value"], released["defined"]) == (0, False)


@given(pairs=st.lists(st.tuples(LETTER, LETTER), min_size=1, max_size=30))
def test_macro_scores_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    answers, references = zip(*pairs, strict=True)
    present = sorted(set(references))
    given_items = items("SA", predictions("SA", pairs, FIVE))
    released = macro_f1.released(given_items)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert value(macro_f1, "SA", pairs, FIVE) == pytest.approx(
            f1_score(references, answers, labels=present, average="macro", zero_division=0)
        )
        for name, oracle in (("macro_precision", precision_score), ("macro_recall", recall_score)):
            assert released.details[name] == pytest.approx(
                oracle(references, answers, average="macro", zero_division=0)
            )
        assert released.value == pytest.approx(
            f1_score(references, answers, average="macro", zero_division=0)
        )
    assert accuracy.released(given_items).value == pytest.approx(
        accuracy_score(references, answers)
    )


@given(
    code_options=st.sampled_from([("PM", None), ("SA", FIVE), ("MPC", FIVE), ("SR", TWENTY)]),
    data=st.data(),
)
def test_an_invalid_answer_is_never_better_than_the_average_wrong_one(
    code_options: tuple[str, list[str] | None], data: st.DataObject
) -> None:
    code, options = code_options
    measure = {"PM": binary_f1, "SA": macro_f1, "MPC": accuracy, "SR": hit_rate}[code]
    answers = ["yes", "no"] if options is None else [option[0] for option in options]
    answer = st.sampled_from(answers)
    pairs = data.draw(st.lists(st.tuples(answer, answer), min_size=1, max_size=12))
    reference = data.draw(answer)
    present = {reference, *(r for _, r in pairs)}
    invalid = value(measure, code, [*pairs, ("???", reference)], options)
    # Over all wrong answers, and for macro-F1 also over those of classes that are scored at all.
    for candidates in (set(answers), present | (set(answers) if code == "PM" else set())):
        wrong = [
            np.nan_to_num(value(measure, code, [*pairs, (text, reference)], options))
            for text in candidates - {reference}
        ]
        if wrong:
            assert np.nan_to_num(invalid) <= np.mean(wrong) + 1e-12


def test_accuracy_counts_every_record_and_has_a_wilson_interval() -> None:
    pairs = [("A", "A: very positive"), ("B", "A"), ("no idea", "C"), ("neutral", "C")]
    scores = block("MPC", predictions("MPC", pairs, FIVE))
    assert scores["strict"]["value"] == pytest.approx(1 / 2)
    assert scores["strict"]["ci95"] == pytest.approx([0.1500, 0.8500], abs=5e-5)
    assert scores["strict"]["details"]["interval"] == {"method": "wilson", "reliable": True}
    # "no idea" and "neutral" begin with no capital A to E.
    assert scores["released"]["value"] == pytest.approx(1 / 2)
    assert scores["released"]["details"]["n_dropped"] == 2


def test_hit_rate_strict_and_released() -> None:
    pairs = [("A", "A"), ("b", "B"), ("C: item cc", "C"), (" D ", "E"), ("item tt", "T"), ("", "A")]
    scores = block("SR", predictions("SR", pairs, TWENTY))
    assert scores["strict"]["value"] == pytest.approx(4 / 6)
    assert scores["strict"]["details"]["counts"] == {"hits": 4, "misses": 2}
    assert scores["released"]["value"] == pytest.approx(1 / 2)
    assert scores["released"]["details"]["n_dropped"] == 4
    assert scores["released_2024"] == scores["released"]


def test_hit_rate_released_takes_letters_to_t_only_and_may_have_nothing_left() -> None:
    released = block("SR", predictions("SR", [("U", "A")], TWENTY))["released"]
    assert (released["value"], released["defined"]) == (0, False)
