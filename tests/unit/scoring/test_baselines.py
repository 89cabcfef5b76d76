"""Trivial baselines: which apply and what they answer."""

import pytest
from support.scoring_examples import FIVE, IND, QUICK, TASKS, block, blocks, entries, record, scored

from ecslm.scoring.baselines import answers_of, applicable, as_prediction, majority_label
from ecslm.scoring.score import Row, score_expected


def answered(code: str, baseline: str, records: list, majority: str = "") -> list:
    return [
        as_prediction(r, text)
        for r in records
        for text in answers_of(baseline, r, TASKS[code], majority)
    ]


def expected(code: str, records: list) -> dict:
    alternatives = [
        [as_prediction(r, text) for text in answers_of("random", r, TASKS[code], "")]
        for r in records
    ]
    return blocks(score_expected(alternatives, Row(code), TASKS[code]))[IND]


def yes_no_records(yes: int, total: int) -> list:
    return [record("yes" if i < yes else "no", id=f"r{i}") for i in range(total)]


def test_baselines_by_task() -> None:
    assert {code: applicable(task) for code, task in TASKS.items()} == {
        "AVE": ("all-null",),
        "PRP": ("majority", "random"),
        "SA": ("majority", "random"),
        "MPC": ("majority", "random"),
        "SR": ("random",),
        "PM": ("always-yes", "always-no", "majority", "random"),
        "PSI": ("always-yes", "always-no", "majority", "random"),
        "AP": ("always-yes", "always-no", "majority", "random"),
        "QPR": ("input-order", "random"),
        "AG": (),
    }


def test_always_no_has_no_true_positive() -> None:
    strict = block("PM", answered("PM", "always-no", yes_no_records(1, 3)), QUICK)["strict"]
    assert (strict["value"], strict["defined"]) == (0, True)


def test_majority_is_that_of_the_training_rows_ties_in_order() -> None:
    def label(*outputs: str) -> str:
        rows = [record(o, options=FIVE, task="SA", split="train") for o in outputs]
        return majority_label(rows, TASKS["SA"])

    assert label("B", "B: positive", "A") == "B"
    assert label("B", "A: very positive") == "A"
    assert majority_label(yes_no_records(1, 3), TASKS["PM"]) == "no"


def test_random_yes_no_is_f1_of_the_expected_counts() -> None:
    # 2 of 6 yes: tp 1, fn 1, fp 2.
    strict = expected("PM", yes_no_records(2, 6))["strict"]
    assert strict["value"] == pytest.approx(2 / (2 + 1 + 2))


def test_random_macro_f1_is_that_of_the_expected_counts() -> None:
    records = [record(o, id=o, options=FIVE, task="SA") for o in "AB"]
    # Each class: tp 1/5, fn 4/5, fp 1/5.
    assert expected("SA", records)["strict"]["value"] == pytest.approx(0.4 / (0.4 + 1.0))


def test_random_choice_uses_each_records_own_options() -> None:
    records = [
        record("A", id="r0", options=FIVE[:2], task="MPC"),
        record("A", id="r1", options=FIVE[:4], task="MPC"),
    ]
    assert expected("MPC", records)["strict"]["value"] == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_input_order() -> None:
    r = record("", task="QPR", relevance=["S", "E", "I"])
    assert answers_of("input-order", r, TASKS["QPR"], "") == ["A,B,C"]


def test_all_null_is_valid_in_every_protocol_and_shows_the_share_of_negatives() -> None:
    source = "product title"
    reference = entries(("a", "x", source), ("a", "y", source), ("b", "None", "None"))
    given = answered("AVE", "all-null", [record(reference, task="AVE")])
    scores = block("AVE", given, QUICK)
    assert scores["n_invalid"] == 0
    assert scores["strict"]["details"]["negative_share"] == pytest.approx(1 / 2)
    assert scores["strict"]["details"]["recall"] == pytest.approx(1 / 2)
    assert scores["released"]["details"]["counts"] == {"hits": 1, "predicted": 2, "references": 3}


def test_an_expected_value_has_no_interval_and_no_released_value() -> None:
    scores = expected("PM", yes_no_records(1, 2))
    assert scores["strict"]["ci95"] is None
    assert scores["strict"]["details"] == {"interval": None}
    assert scores["released"] is None
    assert scores["released_2024"] is None
    assert (scores["n"], scores["n_invalid"]) == (2, 0)


def test_baselines_take_the_path_of_predictions() -> None:
    records = yes_no_records(2, 6)
    scores = scored("PM", answered("PM", "majority", records, majority="no"))
    assert [outcome.outcome["tn"] for outcome in scores.outcomes] == [0, 0, 1, 1, 1, 1]
