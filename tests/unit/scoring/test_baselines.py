"""Trivial baselines: which apply and what they answer."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scoring_examples import FIVE, IND, QUICK, TASKS, block, blocks, entries, record

from ecslm.scoring.baselines import RANDOM, answers_of, applicable, as_prediction
from ecslm.scoring.metrics.protocol import expected_f1, metric
from ecslm.scoring.score import majority_label, score_baseline


def answered(code: str, baseline: str, records: list) -> list[list]:
    """The equally likely predictions of each record."""
    return [
        [as_prediction(r, text) for text in answers_of(baseline, r, TASKS[code], "")]
        for r in records
    ]


def expected(code: str, records: list) -> dict:
    alternatives = answered(code, "random", records)
    return blocks(score_baseline(RANDOM, alternatives, TASKS[code], QUICK))[IND]


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


def test_majority_is_that_of_the_training_rows_ties_in_order() -> None:
    def label(*outputs: str) -> str:
        rows = [record(o, options=FIVE, task="SA", split="train") for o in outputs]
        return majority_label(rows, TASKS["SA"])

    assert label("B", "B: positive", "A") == "B"
    assert label("B", "A: very positive") == "A"
    assert majority_label(yes_no_records(1, 3), TASKS["PM"]) == "no"


GUESSED = {
    "PM": yes_no_records(4, 14),
    "SA": [record(o, id=str(i), options=FIVE, task="SA") for i, o in enumerate("AABBBCDDDDE")],
    "PRP": [record("A", id=str(i), options=FIVE[: 2 + i % 3], task="PRP") for i in range(6)]
    + [record("B", id=f"b{i}", options=FIVE[:3], task="PRP") for i in range(3)],
    "MPC": [record("A", id=str(i), options=FIVE[: 2 + i % 3], task="MPC") for i in range(9)],
    "QPR": [record("", id=str(i), task="QPR", relevance=["S", "E", "I"]) for i in range(3)],
}


@pytest.mark.parametrize("code", GUESSED)
def test_the_random_baseline_is_the_mean_score_of_random_answers(code: str) -> None:
    records, measure = GUESSED[code], metric(TASKS[code].metric)
    alternatives = answered(code, "random", records)
    flat = [measure.item(p) for own in alternatives for p in own]
    sums = measure.sums(measure.outcomes(flat))
    starts = np.cumsum([0, *map(len, alternatives)])[:-1]
    generator = np.random.default_rng(31)
    drawn = starts + generator.integers(0, [*map(len, alternatives)], size=(20_000, len(starts)))
    values = np.nan_to_num(measure.values(sums[drawn].sum(axis=1)))
    error = values.std() / np.sqrt(len(values))
    found = expected(code, records)["strict"]["value"]
    assert found == pytest.approx(values.mean(), abs=max(4 * error, 1e-12))


@given(
    hits=st.lists(st.floats(0, 1), max_size=6), false_alarms=st.lists(st.floats(0, 1), max_size=6)
)
def test_the_expected_f1_is_the_sum_over_all_outcomes(
    hits: list[float], false_alarms: list[float]
) -> None:
    total = 0.0
    for outcome in product([0, 1], repeat=len(hits) + len(false_alarms)):
        chance = math.prod(
            p if happens else 1 - p
            for p, happens in zip([*hits, *false_alarms], outcome, strict=True)
        )
        tp, fp = sum(outcome[: len(hits)]), sum(outcome[len(hits) :])
        total += chance * (2 * tp / (tp + fp + len(hits)) if hits or fp else 0.0)
    assert expected_f1(np.array(hits), np.array(false_alarms)) == pytest.approx(total, abs=1e-12)


def test_all_null_is_valid_in_every_protocol_and_shows_the_share_of_negatives() -> None:
    source = "product title"
    reference = entries(("a", "x", source), ("a", "y", source), ("b", "None", "None"))
    (given,) = answered("AVE", "all-null", [record(reference, task="AVE")])
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
