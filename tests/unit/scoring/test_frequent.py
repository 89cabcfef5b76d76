from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from support.scoring_examples import EXAMPLES, FIVE, TASKS, block, example, items, predictions

from ecslm.scoring.frequent import agreement, answer_counts, answer_text


def test_of_equally_frequent_answers_the_first_in_sort_order_counts() -> None:
    found = answer_counts(["B", "A", "C", "B", "A"])
    assert (found.distinct, found.most_frequent, found.count) == (3, "A", 2)


@pytest.mark.parametrize("code", sorted(TASKS))
def test_references_play_no_part(code: str) -> None:
    """Whatever the right answers are, the same texts have the same counts."""
    given_predictions, extra = example(code, "rrri")
    other = {"reference": "" if code == "QPR" else EXAMPLES[code][1], "relevance": ["E", "E"]}
    swapped = [one.model_copy(update=other) for one in given_predictions]
    counts = block(code, given_predictions, **extra)["answers"]
    assert (counts["distinct"], counts["count"]) == (2, 3)
    assert block(code, swapped, **extra)["answers"] == counts


def test_the_forms_of_one_answer_are_the_same_answer() -> None:
    forms = ["A", " a) ", "A: very positive", "very positive"]
    choices = items("SA", predictions("SA", [(text, "C") for text in forms], FIVE))
    assert {answer_text(item) for item in choices} == {"A"}
    ranked = items("QPR", predictions("QPR", [(text, "ES") for text in ("B,A", "b > a, B")]))
    assert {answer_text(item) for item in ranked} == {"B, A"}
    (invalid,) = items("PM", predictions("PM", [(" perhaps\n", "yes")]))
    assert answer_text(invalid) == "perhaps"


@given(st.lists(st.tuples(*[st.sampled_from("ABC")] * 2), min_size=2, max_size=40))
def test_agreement_by_chance_is_that_of_cohens_kappa(pairs: Sequence[tuple[str, str]]) -> None:
    one, other = zip(*pairs, strict=True)
    found, by_chance = agreement(one, other)
    assert agreement(other, one) == (found, by_chance)
    if by_chance < 1:
        kappa = (found - by_chance) / (1 - by_chance)
        assert kappa == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
