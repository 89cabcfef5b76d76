"""The three protocols by hand: inputs, and what the rules in words make of them.

`golden_cases.json` has a table for each reader and metric. Each row begins with the rule that it
shows. Expected values are fractions and orders of labels that a reader can check with a pencil;
null stands for an invalid answer, or for an F1 that is not defined.
"""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.scoring_examples import (
    FIVE,
    IND,
    OOD,
    TWENTY,
    answer_type,
    block,
    entries,
    items,
    predictions,
)

from ecslm.scoring.metrics.protocol import metric

CASES: dict[str, list[Any]] = json.loads(
    Path(__file__).with_name("golden_cases.json").read_text(encoding="utf-8")
)
TITLE = "product title"
NULL = ("None", "None")
OPTIONS = {0: None, 3: FIVE[:3], 5: FIVE, 6: [*FIVE, "F: mixed"], 20: TWENTY}


def table(name: str) -> list:
    """Rows of a table whose first column is the rule, as parameters of a test."""
    return [pytest.param(*row[1:], id=row[0]) for row in CASES[name]]


# --- parsing ------------------------------------------------------------------------------------

FIELDS: dict[str, dict[str, Any]] = {
    "choice": {"options": FIVE},
    "choice of twenty": {"options": TWENTY},
    "ranking": {"relevance": list("ESCI")},
}
PARSED = [
    pytest.param(name, *row[1:], id=f"{name}: {row[0]}")
    for name, rows in CASES.items()
    if name.endswith((" strict", " lenient"))
    for row in rows
]


@pytest.mark.parametrize(("reader", "text", "answer"), PARSED)
def test_texts_are_read_as_the_rules_say(reader: str, text: str, answer: Any) -> None:
    name, protocol = reader.rsplit(" ", 1)
    (given,) = predictions("PM", [(text, "yes")], **FIELDS.get(name, {}))
    answers = answer_type(name.partition(" ")[0])
    found = json.loads(json.dumps(getattr(answers, protocol)(given)))
    assert found == (list(answer) if name == "ranking" and answer else answer)


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "options", "pairs", "expected"), table("values"))
def test_values_of_a_task(
    code: str, options: int, pairs: list, expected: dict[str, str | None]
) -> None:
    scores = block(code, predictions(code, pairs, OPTIONS[options]))
    found = {**scores, "lenient": scores["strict"]["details"]["lenient"]}
    for protocol, value in expected.items():
        assert found[protocol]["defined"] is (value is not None), protocol
        assert found[protocol]["value"] == pytest.approx(float(Fraction(value or 0))), protocol
    assert scores["released_2024"] == scores["released"]


def ndcg(orders: str, more: float = 0) -> float:
    """From the labels in the order that is scored, and in the best one: `SE/ES`."""
    gains = {"E": 2**1.0 - 1, "S": 2**0.1 - 1, "C": 2**0.01 - 1, "I": 0}
    scored, best = (
        sum(gains[label] / math.log2(rank) for rank, label in enumerate(order, 2))
        for order in orders.split("/")
    )
    return scored / (best + more)


@pytest.mark.parametrize(("answer", "labels", "strict", "released", "lenient"), table("ndcg"))
def test_ndcg_is_gains_by_label_over_log2_of_the_rank_over_those_of_the_best_order(
    answer: str, labels: str, strict: str, released: str, lenient: str
) -> None:
    scores = block("QPR", predictions("QPR", [(answer, labels)]))
    assert scores["strict"]["value"] == pytest.approx(ndcg(strict))
    assert scores["strict"]["details"]["lenient"]["value"] == pytest.approx(ndcg(lenient))
    assert scores["released"]["value"] == pytest.approx(ndcg(released, 1e-6))
    assert scores["released_2024"] == scores["released"]


# --- extraction ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "reference", "fates"), table("fates"))
def test_fates_of_target_attributes(answer: list | None, reference: list, fates: str) -> None:
    text = "no list" if answer is None else entries(*answer)
    (outcome,) = metric("extraction_f1").outcomes(
        items("AVE", predictions("AVE", [(text, entries(*reference))]))
    )
    assert outcome == {name: fates.split().count(name) for name in ("nv", "iv", "cv", "wv", "nl")}


@pytest.mark.parametrize(
    # Hits in IND and in OOD settings, and the predicted entries that count.
    ("answer", "reference", "ind", "ood", "predicted"),
    table("released hits"),
)
def test_released_hits_are_pairs_of_entries(
    answer: list | str, reference: list, ind: int, ood: int, predicted: int
) -> None:
    text = answer if isinstance(answer, str) else entries(*answer)
    given = [(text, entries(*reference))]
    for setting, hits in ((IND, ind), (OOD, ood), ("OOD_Single_Instruction", ood)):
        scores = block("AVE", predictions("AVE", given, setting=setting))
        counts = {"hits": hits, "predicted": predicted, "references": len(reference)}
        assert scores["released"]["details"]["counts"] == counts
        assert scores["released"]["value"] == pytest.approx(2 * hits / (predicted + len(reference)))
        assert scores["released_2024"]["value"] == pytest.approx(2 * hits / len(reference))


def test_extraction_by_hand_under_all_protocols() -> None:
    pairs = [
        (  # CV and IV; one hit
            entries(("color", "red", TITLE), ("size", "xl", TITLE)),
            entries(("color", "red", TITLE), ("size", *NULL)),
        ),
        (  # NV and NL; one hit
            entries(("color", *NULL)),
            entries(("color", *NULL), ("brand", "acme", TITLE)),
        ),
        (  # invalid: WV; lenient: CV
            f"Here it is: {entries(('brand', 'Acme', TITLE))}",
            entries(("brand", "acme", TITLE)),
        ),
    ]
    scores = block("AVE", predictions("AVE", pairs))
    details = scores["strict"]["details"]
    assert details["counts"] == {"nv": 1, "iv": 1, "cv": 1, "wv": 1, "nl": 1}
    found = [details[name] for name in ("precision", "recall", "negative_share")]
    assert found == pytest.approx([2 / 4, 2 / 5, 2 / 5])
    values = scores["strict"], details["lenient"], scores["released"], scores["released_2024"]
    # 2 p r / (p + r) of 2/4 and 2/5, 3/4 and 3/5, 2/3 and 2/5; and twice 2/5.
    assert [one["value"] for one in values] == pytest.approx([4 / 9, 6 / 9, 4 / 8, 4 / 5])
