"""NDCG: hand-worked values, released quirks, scikit-learn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_examples import block, items, predictions
from sklearn.metrics import ndcg_score

from ecslm.metrics import ndcg

GAIN_OF_S = 2**0.1 - 1
RANK_2 = 1 / math.log2(3)


def value(text: str, relevance: str) -> float:
    (outcome,) = ndcg.outcomes(items("QPR", predictions("QPR", [(text, relevance)])))
    return outcome["gain"]


def test_best_order_is_one() -> None:
    assert value("B,A,C", "SEI") == 1


def test_worse_order_by_hand() -> None:
    expected = (GAIN_OF_S + RANK_2) / (1 + GAIN_OF_S * RANK_2)
    assert value("A,B", "SE") == pytest.approx(expected)


def test_products_left_out_lose_their_gain() -> None:
    assert value("A", "ES") == pytest.approx(1 / (1 + GAIN_OF_S * RANK_2))


def test_unknown_letters_take_no_rank() -> None:
    assert value("Z,A,B", "ES") == 1


def test_an_ideal_of_zero_scores_one_but_an_invalid_answer_zero() -> None:
    assert value("B,A", "II") == 1
    assert value("neither", "II") == 0


def test_invalid_scores_zero_and_counts() -> None:
    scores = block("QPR", predictions("QPR", [("A,B", "ES"), ("none of them", "ES")]))
    assert scores["n_invalid"] == 1
    assert scores["strict"]["value"] == pytest.approx(1 / 2)
    assert scores["strict"]["details"]["counts"] == {"best_order": 1, "incomplete": 0}


@pytest.mark.parametrize(
    ("text", "relevance", "found"),
    [
        ("A,B", "ES", "ES"),
        ("B,A", "ES", "SE"),
        ("B", "ES", "S"),  # the ideal is that of the pieces found
        ("B, A", "ES", "S"),  # the space makes the second piece invalid
        ("Bad,A", "ES", "SE"),  # first characters count
        ("A,A", "ES", "EE"),  # repeats count
        ("a,b", "ES", ""),
        ("", "ES", ""),
        (",,", "ES", ""),
    ],
)
def test_released_looks_up_first_characters(text: str, relevance: str, found: str) -> None:
    gains = [2 ** ndcg.GAINS[label] - 1 for label in found]
    dcg = sum(g / math.log2(i + 2) for i, g in enumerate(gains))
    ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(gains, reverse=True)))
    released = ndcg.released(items("QPR", predictions("QPR", [(text, relevance)])))
    assert released.value == pytest.approx(dcg / (ideal + 1e-6))


@given(labels=st.lists(st.sampled_from("ESCI"), min_size=2, max_size=6), data=st.data())
def test_complete_rankings_score_as_in_scikit_learn(labels: list[str], data: st.DataObject) -> None:
    letters = "ABCDEF"[: len(labels)]
    order = data.draw(st.permutations(letters))
    gains = [2 ** ndcg.GAINS[label] - 1 for label in labels]
    expected = ndcg_score([gains], [[-order.index(letter) for letter in letters]])
    # Where nothing is relevant scikit-learn says 0, the study's rule 1.
    expected = expected if any(gains) else 1.0
    assert value(">".join(order), "".join(labels)) == pytest.approx(expected)
