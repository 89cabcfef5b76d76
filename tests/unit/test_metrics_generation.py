"""F_BERT: the mean of rows that were computed elsewhere, empty texts 0."""

import pytest
from scoring_examples import bertscore, block, predictions


def test_the_mean_of_the_rows_with_an_empty_text_as_zero() -> None:
    given = predictions("AG", [("fine", "good"), ("", "good"), ("so so", "good")])
    rows = [bertscore(p, f1, f1 - 0.5) for p, f1 in zip(given, (0.9, 0.8, 0.6), strict=True)]
    scores = block("AG", given, bertscores=rows)
    assert scores["n_invalid"] == 1
    assert scores["strict"]["value"] == pytest.approx(1.5 / 3)
    assert scores["released"]["value"] == pytest.approx(1.5 / 3)
    assert scores["strict"]["details"]["lenient"]["value"] == scores["strict"]["value"]
    assert scores["strict"]["details"]["f1_rescaled"] == pytest.approx(0.5 / 3)


def test_the_rescaled_mean_is_null_where_rows_lack_it() -> None:
    given = predictions("AG", [("fine", "good")])
    scores = block("AG", given, bertscores=[bertscore(given[0], 0.9)])
    assert scores["strict"]["details"]["f1_rescaled"] is None
