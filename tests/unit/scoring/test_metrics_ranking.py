"""NDCG: what stands beside the value, and lists of any length with any labels."""

import itertools
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scoring_examples import block, predictions


def value(answer: str, labels: str) -> float:
    """The score of one answer; `labels` are those of the products A, B, ..."""
    found: float = block("QPR", predictions("QPR", [(answer, labels)]))["strict"]["value"]
    return found


def test_best_and_incomplete_orders_are_counted() -> None:
    pairs = [("A,B", "ES"), ("B,A", "ES"), ("A", "EI"), ("none of them", "ES")]
    scores = block("QPR", predictions("QPR", pairs))
    assert scores["n_invalid"] == 1
    assert scores["strict"]["details"]["counts"] == {"best_order": 2, "incomplete": 1}


@given(st.text(alphabet="ESCI", min_size=1, max_size=4))
def test_the_best_of_all_orders_scores_1(labels: str) -> None:
    letters = ascii_uppercase[: len(labels)]
    found = [value(",".join(order), labels) for order in itertools.permutations(letters)]
    assert max(found) == pytest.approx(1)
