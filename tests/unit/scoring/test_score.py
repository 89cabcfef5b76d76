"""Scores of a whole file: its form, its invariances, and that outcomes alone give the value."""

import json

import pytest
from support.scoring_examples import (
    FIVE,
    IND,
    OOD,
    TASKS,
    block,
    blocks,
    example,
    predictions,
    scored,
)

from ecslm.common.files import json_line
from ecslm.scoring.metrics.protocol import column_totals, metric


@pytest.mark.parametrize("code", sorted(TASKS))
def test_without_an_observed_error_the_interval_has_its_open_end_bounded(code: str) -> None:
    given_predictions, extra = example(code, "r" * 30)
    scores = block(code, given_predictions, **extra)
    low, high = scores["strict"]["ci95"]
    assert high == 1
    wilson = {"binary_f1": 2 * 0.8865 / 1.8865, "accuracy": 0.8865, "hit_rate": 0.8865}
    assert low == pytest.approx(wilson.get(TASKS[code].metric, 0.9), abs=5e-5)


@pytest.mark.parametrize("code", sorted(TASKS))
def test_the_outcomes_file_alone_gives_the_strict_value(code: str) -> None:
    given_predictions, extra = example(code, "rrwirwiirr")
    scores = scored(code, given_predictions, **extra)
    outcomes = [json.loads(json_line(outcome)) for outcome in scores.outcomes]
    measure = metric(TASKS[code].metric)
    value = float(measure.values(column_totals(measure.sums(outcomes))))
    assert value == blocks(scores)[IND]["strict"]["value"]
    assert [o["id"] for o in outcomes] == [p.id for p in given_predictions]
    assert [o["invalid"] for o in outcomes] == [fate == "i" for fate in "rrwirwiirr"]


def test_settings_are_scored_apart_and_sorted_by_name() -> None:
    given_predictions = [
        *predictions("PM", [("no", "yes")], setting=OOD, id="o"),
        *predictions("PM", [("yes", "yes")], setting=IND, id="i", finish_reason="length"),
    ]
    scores = scored("PM", given_predictions)
    assert list(blocks(scores)) == [IND, OOD]
    ind, ood = blocks(scores).values()
    assert (ind["strict"]["value"], ood["strict"]["value"]) == (1, 0)
    assert (ind["n"], ind["n_truncated"], ood["n_truncated"]) == (1, 1, 0)
    assert [outcome.id for outcome in scores.outcomes] == ["o", "i"]


@pytest.mark.parametrize(
    ("rare", "other", "reliable"), [(10, 90, True), (9, 91, False), (10, 89, False)]
)
def test_a_rare_class_or_few_records_are_marked(rare: int, other: int, reliable: bool) -> None:
    answers = ["A", "B"] * 50
    pairs = [(a, "A") for a in answers[:rare]] + [(a, "B") for a in answers[:other]]
    given_predictions = predictions("PRP", pairs, FIVE[:3])
    interval = block("PRP", given_predictions)["strict"]["details"]["interval"]
    assert interval == {"method": "bootstrap", "reliable": reliable}
