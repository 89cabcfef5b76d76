"""Metrics: what stands beside the value; and scores of a whole file, of which outcomes alone give
the value."""

import json

import numpy as np
import pytest
from support.scoring_examples import (
    FIVE,
    IND,
    OOD,
    TASKS,
    TWENTY,
    bertscore,
    block,
    blocks,
    entries,
    example,
    example_outcomes,
    items,
    predictions,
    scored,
)

from ecslm.common.files import json_line
from ecslm.schemas.metrics_file import MetricsFile, OutcomeRow
from ecslm.schemas.task import METRICS
from ecslm.scoring.metrics.protocol import column_totals, metric

ALL = pytest.mark.parametrize("name", METRICS)
TITLE = "product title"


@ALL
def test_a_right_answer_is_better_than_a_wrong_one_and_an_invalid_one_is_worst(name: str) -> None:
    right, wrong, invalid = map(metric(name).quality, example_outcomes(name, "rwi"))
    assert (right, invalid) == (1, 0)
    assert 0 <= wrong < 1


@ALL
def test_a_metric_parses_the_answers_that_its_line_of_the_registry_names(name: str) -> None:
    parser = type(metric(name).ANSWERS).__name__
    assert parser.lower() == METRICS[name].answer.replace("_", "")


def test_the_quality_of_attributes_is_the_share_that_is_right() -> None:
    outcome = {"nv": 1, "iv": 0, "cv": 2, "wv": 1, "nl": 0}
    assert metric("extraction_f1").quality(outcome) == 0.75
    assert metric("extraction_f1").quality(dict.fromkeys(outcome, 0)) == 0


@pytest.mark.parametrize("code", TASKS)
def test_the_files_of_a_score_are_read_back_as_they_were_written(code: str) -> None:
    given, extra = example(code, "rrwi")
    scores = scored(code, given, **extra)
    outcomes = [(OutcomeRow, one) for one in scores.outcomes]
    for model, written in ((MetricsFile, scores.metrics), *outcomes):
        text = written.model_dump_json()
        assert model.model_validate_json(text).model_dump_json() == text


def test_invalid_answers_are_shown_apart() -> None:
    pairs = [("yes", "yes"), ("yes", "yes"), ("?", "yes"), ("?", "no"), ("no", "no")]
    assert block("PM", predictions("PM", pairs))["strict"]["details"]["confusion"] == {
        "yes": {"yes": 2, "no": 0, "invalid": 1},
        "no": {"yes": 0, "no": 1, "invalid": 1},
    }
    pairs = [("A", "A: very positive"), ("x", "A"), ("B", "B"), ("A", "B")]
    details = block("SA", predictions("SA", pairs, FIVE))["strict"]["details"]
    assert details["confusion"] == {"A": {"A": 1, "invalid": 1}, "B": {"A": 1, "B": 1}}
    assert details["counts"] == {"A": 2, "B": 2}
    assert details["f1_by_class"] == pytest.approx({"A": 1 / 2, "B": 2 / 4})


def test_macro_f1_of_a_resample_is_over_the_classes_in_it() -> None:
    sums = metric("macro_f1").sums(
        metric("macro_f1").outcomes(items("SA", predictions("SA", [("A", "A"), ("C", "B")], FIVE)))
    )
    resamples = np.array([[2, 0], [1, 1], [0, 2]]) @ sums
    assert metric("macro_f1").values(resamples).tolist() == pytest.approx([1.0, 0.5, 0.0])


@pytest.mark.parametrize("enough", [True, False])
def test_ten_records_or_positives_are_enough_for_a_wilson_interval(enough: bool) -> None:
    count = 10 if enough else 9
    right, wrong = [("yes", "yes")] * count, [("yes", "no")] * 90
    for given in (
        predictions("MPC", [("A", "A")] * count, FIVE),
        predictions("PM", [*right, *wrong]),
    ):
        interval = block(given[0].task, given)["strict"]["details"]["interval"]
        assert interval == {"method": "wilson", "reliable": enough}


def test_hit_rate_counts_hits_misses_and_what_is_dropped_as_released() -> None:
    pairs = [("A", "A"), ("b", "B"), ("C: item cc", "C"), (" D ", "E"), ("item tt", "T"), ("", "A")]
    scores = block("SR", predictions("SR", pairs, TWENTY))
    assert scores["strict"]["details"]["counts"] == {"hits": 4, "misses": 2}
    assert scores["released"]["details"] == {"counts": {"hits": 1, "misses": 1}, "n_dropped": 4}


def test_released_neither_hits_by_a_number_nor_reads_what_is_nested_too_deeply() -> None:
    reference = entries(("a", "15", TITLE))
    for text, predicted in ((entries(("a", 15, TITLE)), 1), ("[" * 100_000, 0)):
        given = items("AVE", predictions("AVE", [(text, reference)], setting=OOD))
        counts = metric("extraction_f1").released(given).details["counts"]
        assert counts == {"hits": 0, "predicted": predicted, "references": 1}


def test_an_empty_text_is_zero_in_every_mean_and_what_that_is_rescaled() -> None:
    given = predictions("AG", [("fine", "good"), ("", "good"), ("so so", "good")])
    rows = [bertscore(p, f1, f1 - 0.5) for p, f1 in zip(given, (0.9, 0.8, 0.6), strict=True)]
    scores = block("AG", given, bertscores=rows[::-1])
    strict, details = scores["strict"], scores["strict"]["details"]
    found = [scores["released"]["value"], strict["value"], details["lenient"]["value"]]
    assert [*found, details["precision"], details["recall"]] == pytest.approx([1.5 / 3] * 5)
    assert details["f1_rescaled"] == pytest.approx((0.4 + 0.3 + 0.1) / 3)
    assert scores["n_invalid"] == details["lenient"]["n_invalid"] == 1
    # Null where a row lacks it.
    rows = [one.model_copy(update={"f1_rescaled": None}) for one in rows]
    found = block("AG", given, bertscores=rows)["strict"]["details"]["f1_rescaled"]
    assert found is None


def test_best_and_incomplete_orders_are_counted() -> None:
    pairs = [("A,B", "ES"), ("B,A", "ES"), ("A", "EI"), ("none of them", "ES")]
    scores = block("QPR", predictions("QPR", pairs))
    assert scores["n_invalid"] == 1
    assert scores["strict"]["details"]["counts"] == {"best_order": 2, "incomplete": 1}


@pytest.mark.parametrize("code", sorted(TASKS))
def test_without_an_observed_error_the_interval_has_its_open_end_bounded(code: str) -> None:
    given_predictions, extra = example(code, "r" * 30)
    scores = block(code, given_predictions, **extra)
    low, high = scores["strict"]["ci95"]
    assert high == 1
    kind = TASKS[code].metric
    end = 0.8865 if metric(kind).PROPORTION else 0.9
    end = 2 * 0.8865 / 1.8865 if kind == "binary_f1" else end
    assert low == pytest.approx(end, abs=5e-5)


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
