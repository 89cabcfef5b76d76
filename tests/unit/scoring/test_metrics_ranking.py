"""NDCG: what stands beside the value."""

from support.scoring_examples import block, predictions


def test_best_and_incomplete_orders_are_counted() -> None:
    pairs = [("A,B", "ES"), ("B,A", "ES"), ("A", "EI"), ("none of them", "ES")]
    scores = block("QPR", predictions("QPR", pairs))
    assert scores["n_invalid"] == 1
    assert scores["strict"]["details"]["counts"] == {"best_order": 2, "incomplete": 1}
