"""Trivial baselines whose values are known: from class counts, and from orders worked by hand."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.project import ROOT
from support.scoring_examples import IND, QUICK, TASKS, TWENTY, block, blocks, record
from support.scripts import run_script

from ecslm.common.files import write_jsonl
from ecslm.data.settings import Labels
from ecslm.data.sources.labels import read_labels
from ecslm.schemas.record import Record
from ecslm.scoring.baselines import answers_of, as_prediction
from ecslm.scoring.score import Row, score_expected

SCRIPT = ROOT / "scripts" / "score_baseline.py"

S, C = 2**0.1 - 1, 2**0.01 - 1
RANK_2, RANK_3, RANK_4 = 1 / math.log2(3), 1 / 2, 1 / math.log2(5)
GAIN = {"E": 1.0, "S": S, "C": C, "I": 0.0}

# Relevance labels as in a label file: one list a row, one label a product. Made up.
LABELS = [["S", "E", "I"], ["E", "S", "C", "I"], ["C", "E"], ["I", "C", "S", "E"]]


def yes_no_records(yes: int, total: int) -> list[Record]:
    return [record("yes" if i < yes else "no", id=f"r{i}") for i in range(total)]


def scores_of(code: str, baseline: str, records: list[Record]) -> dict[str, Any]:
    texts = [answers_of(baseline, r, TASKS[code], "") for r in records]
    if baseline != "random":
        given = [as_prediction(r, text) for r, (text,) in zip(records, texts, strict=True)]
        return block(code, given, QUICK)
    alternatives = [
        [as_prediction(r, text) for text in row] for r, row in zip(records, texts, strict=True)
    ]
    return blocks(score_expected(alternatives, Row(code), TASKS[code]))[IND]


def strict_value(code: str, baseline: str, records: list[Record]) -> float:
    return scores_of(code, baseline, records)["strict"]["value"]


@pytest.mark.parametrize(
    ("code", "yes", "total", "f1"),
    [
        ("PM", 111, 253, 0.610),
        ("PSI", 230, 1000, 0.374),
        ("AP", 633, 1000, 0.775),
        ("AP", 686, 1000, 0.814),
    ],
)
def test_always_yes_on_the_class_counts_of_the_release(
    code: str, yes: int, total: int, f1: float
) -> None:
    scores = scores_of(code, "always-yes", yes_no_records(yes, total))
    for protocol in ("strict", "released", "released_2024"):
        assert scores[protocol]["value"] == pytest.approx(2 * yes / (yes + total))
        assert round(scores[protocol]["value"], 3) == f1


def test_a_random_recommendation_of_twenty_items_is_right_once_in_twenty() -> None:
    records = [record(letter, id=letter, options=TWENTY, task="SR") for letter in "AFT"]
    assert strict_value("SR", "random", records) == pytest.approx(0.05)


@pytest.fixture
def rankings(tmp_path: Path) -> list[Record]:
    """Ranking records with the labels of a label file, row by row."""
    path = tmp_path / "label.json"
    path.write_text(json.dumps(LABELS), encoding="utf-8")
    return [
        record("", id=f"r{i}", task="QPR", relevance=labels)
        for i, labels in enumerate(read_labels(Labels(path=str(path))).rows)
    ]


def gain(labels: list[str]) -> float:
    """The normalised gain of products in this order, from the formula."""

    def dcg(order: list[str]) -> float:
        return sum(GAIN[label] / math.log2(rank + 1) for rank, label in enumerate(order, 1))

    return dcg(labels) / dcg(sorted(labels, key=lambda label: -GAIN[label]))


def mean_over_orders(labels: list[str]) -> float:
    orders = [gain(list(order)) for order in itertools.permutations(labels)]
    return sum(orders) / len(orders)


def test_random_order_is_the_mean_over_all_orders(rankings: list[Record]) -> None:
    expected = sum(map(mean_over_orders, LABELS)) / len(LABELS)
    assert strict_value("QPR", "random", rankings) == pytest.approx(expected)
    one = [r for r in rankings if r.relevance == ["C", "E"]]
    by_hand = (1 + (C + RANK_2) / (1 + C * RANK_2)) / 2
    assert strict_value("QPR", "random", one) == pytest.approx(by_hand)


def test_input_order_by_hand(rankings: list[Record]) -> None:
    best = 1 + S * RANK_2 + C * RANK_3
    expected = [
        (S + RANK_2) / (1 + S * RANK_2),
        1,
        (C + RANK_2) / (1 + C * RANK_2),
        (C * RANK_2 + S * RANK_3 + RANK_4) / best,
    ]
    assert strict_value("QPR", "input-order", rankings) == pytest.approx(sum(expected) / 4)


def test_the_worst_order_is_below_input_order_and_random_order(rankings: list[Record]) -> None:
    worst = []
    for r, labels in zip(rankings, LABELS, strict=True):
        gain_of = {letter: GAIN[label] for letter, label in zip("ABCD", labels, strict=False)}
        worst.append(as_prediction(r, ",".join(sorted(gain_of, key=gain_of.__getitem__))))
    lowest = block("QPR", worst, QUICK)["strict"]["value"]
    assert lowest == pytest.approx(
        sum(min(gain(list(o)) for o in itertools.permutations(row)) for row in LABELS) / 4
    )
    assert lowest < strict_value("QPR", "input-order", rankings)
    assert lowest < strict_value("QPR", "random", rankings)


def test_the_script_gives_the_known_values(rankings: list[Record], tmp_path: Path) -> None:
    def value(code: str, baseline: str, records: list[Record]) -> float:
        test, output = tmp_path / f"{code}.jsonl", tmp_path / f"{code}-M.json"
        write_jsonl(test, records)
        settings = {"task": TASKS[code].model_dump(), "scoring": {"resamples": 50}}
        options = ["--baseline", baseline, "--task", code, "--test", test, "--output", output]
        options += ["--settings", json.dumps(settings)]
        run_script("score_baseline.py", *options).check_returncode()
        return json.loads(output.read_text())["settings"][IND]["strict"]["value"]

    assert round(value("PM", "always-yes", yes_no_records(111, 253)), 3) == 0.610
    expected = sum(map(mean_over_orders, LABELS)) / len(LABELS)
    assert value("QPR", "random", rankings) == pytest.approx(expected)
