"""F1*: what stands beside the value; values that are no text; output that no reader can take."""

import pytest
from support.scoring_examples import IND, OOD, block, entries, items, predictions

from ecslm.scoring.metrics.protocol import metric

TITLE = "product title"


def test_a_number_is_its_text() -> None:
    number, text = entries(("a", 15)), entries(("a", "15"))
    (outcome,) = metric("extraction_f1").outcomes(
        items("AVE", predictions("AVE", [(number, text)]))
    )
    assert outcome["cv"] == 1


def test_released_counts_an_entry_as_often_as_it_is_repeated_and_strict_once() -> None:
    entry = ("brand", "acme", TITLE)
    scores = block("AVE", predictions("AVE", [(entries(*[entry] * 5), entries(entry))]))
    assert scores["strict"]["value"] == 1
    assert scores["released"]["value"] == pytest.approx(2 * 5 / (5 + 1))
    assert scores["released_2024"]["value"] == 2 * 5


@pytest.mark.parametrize("setting", [IND, OOD])
def test_released_neither_hits_by_a_number_nor_reads_what_is_nested_too_deeply(
    setting: str,
) -> None:
    reference = entries(("a", "15", TITLE))
    for text, predicted in ((entries(("a", 15, TITLE)), 1), ("[" * 100_000, 0)):
        given_items = items("AVE", predictions("AVE", [(text, reference)], setting=setting))
        counts = metric("extraction_f1").released(given_items).details["counts"]
        assert counts == {"hits": 0, "predicted": predicted, "references": 1}
