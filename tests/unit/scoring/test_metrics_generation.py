"""F_BERT: what stands beside the value."""

import pytest
from support.scoring_examples import bertscore, block, predictions


def test_an_empty_text_is_zero_in_every_mean_and_what_that_is_rescaled() -> None:
    given = predictions("AG", [("fine", "good"), ("", "good"), ("so so", "good")])
    rows = [bertscore(p, f1, f1 - 0.5) for p, f1 in zip(given, (0.9, 0.8, 0.6), strict=True)]
    scores = block("AG", given, bertscores=rows)
    assert scores["released"]["value"] == pytest.approx(1.5 / 3)
    means = {name: scores["strict"]["details"][name] for name in ("precision", "recall")}
    assert means == pytest.approx({"precision": 1.5 / 3, "recall": 1.5 / 3})
    assert scores["strict"]["details"]["f1_rescaled"] == pytest.approx((0.4 + 0.3 + 0.1) / 3)


def test_the_rescaled_mean_is_null_where_rows_lack_it() -> None:
    given = predictions("AG", [("fine", "good")])
    scores = block("AG", given, bertscores=[bertscore(given[0], 0.9)])
    assert scores["strict"]["details"]["f1_rescaled"] is None
