"""Parsing raw output: what the rules in words leave to the readers, and what cannot be scored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from support.scoring_examples import (
    FIVE,
    TASKS,
    TWENTY,
    answer_type,
    entries,
    items,
    prediction,
    predictions,
)

from ecslm.scoring.answers import agreement, answer_counts

CHOICE, EXTRACTION = answer_type("choice"), answer_type("extraction")
NAMES, EQUAL = ["A: B. Franklin mug", "B: C. Bechstein poster"], ["A: mug", "B: mug"]


@pytest.mark.parametrize(
    ("protocol", "text", "options", "letter"),
    [
        # The pronoun is no option.
        ("lenient", "I think it is T", TWENTY, "T"),
        ("lenient", "It is I", TWENTY, "I"),
        # A text that begins like a letter is its option.
        ("strict", "b. franklin mug", NAMES, "A"),
        ("strict", "B", NAMES, "B"),
        # The text of two options is the first, and either letter is itself.
        ("strict", "mug", EQUAL, "A"),
        ("strict", "B: mug", EQUAL, "B"),
        ("lenient", "the mug", EQUAL, "A"),
        # A text is the longest option that it can be, in whole words.
        ("lenient", "it is good enough", ["A: good", "B: good enough"], "B"),
        ("lenient", "goods, or good", ["A: goo", "B: good"], "B"),
    ],
)
def test_choices(protocol: str, text: str, options: list[str], letter: str) -> None:
    assert getattr(CHOICE, protocol)(prediction(text, options=options)) == letter


@pytest.mark.parametrize(
    ("answer", "field", "fields"),
    [
        ("choice", "options", {"options": None}),
        ("choice", "options", {"options": ["very positive"]}),
        ("choice", "options", {"options": ["A: x", "a: y"]}),
        ("choice", "reference", {"options": FIVE, "reference": "F"}),
        ("choice", "reference", {"options": FIVE, "reference": "B: very positive"}),
        ("ranking", "relevance", {"relevance": None}),
        ("ranking", "relevance", {"relevance": ["E"] * 27}),
        ("ranking", "relevance", {"relevance": ["E"], "reference": "A,B"}),
        ("yes_no", "reference", {"reference": "maybe"}),
        ("extraction", "reference", {"reference": "brand: acme"}),
    ],
)
def test_what_cannot_be_scored_is_a_problem_of_its_field(
    answer: str, field: str, fields: dict[str, Any]
) -> None:
    (problem,) = answer_type(answer).problems(prediction("A", **{"reference": "A"} | fields))
    assert problem.field == field


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (entries(("size", 15), ("color", None)), (("size", "15"), ("color", "null"))),
        ('[{"attribute": "a", "value": NaN}]', (("a", "nan"),)),
        ("[" * 100_000, None),
        (f"[{'1' * 5000}]", None),
    ],
)
def test_extraction_takes_values_that_are_no_text_and_survives_any_json(
    text: str, answer: object
) -> None:
    assert EXTRACTION.strict(prediction(text)) == answer
    # Of what is no list itself, the first list that is one: inside another, an object or a string.
    inside = f'[1] [{{}}] "x [" {{"a": [{text}'
    assert EXTRACTION.lenient(prediction(inside)) == answer


LIKELY_TEXT = st.one_of(st.text(), st.text(alphabet="ABCDEabce:.,>)(\"' \nyesno[]{}", max_size=30))


@given(text=LIKELY_TEXT, code=st.sampled_from(sorted(TASKS)))
def test_no_text_crashes_a_reader_and_lenient_finds_what_strict_finds(text: str, code: str) -> None:
    answers = answer_type(TASKS[code].answer)
    given_text = prediction(text, options=FIVE, relevance=["E", "S", "C"])
    found = answers.strict(given_text)
    read = answers.lenient(given_text)
    assert found is None or read == found


def test_of_equally_frequent_answers_the_first_in_sort_order_counts() -> None:
    found = answer_counts(["B", "A", "C", "B", "A"])
    assert (found.distinct, found.most_frequent, found.count) == (3, "A", 2)


def test_the_forms_of_one_answer_are_the_same_answer() -> None:
    forms = ["A", " a) ", "A: very positive", "very positive"]
    choices = items("SA", predictions("SA", [(text, "C") for text in forms], FIVE))
    assert {item.text for item in choices} == {"A"}
    ranked = items("QPR", predictions("QPR", [(text, "ES") for text in ("B,A", "b > a, B")]))
    assert {item.text for item in ranked} == {"B, A"}
    (invalid,) = items("PM", predictions("PM", [(" perhaps\n", "yes")]))
    assert invalid.text == "perhaps"


def test_agreement_by_chance_is_that_of_cohens_kappa() -> None:
    one, other = "ABBCCCAB", "AABCCBAB"
    found, by_chance = agreement(one, other)
    assert found == 6 / 8
    kappa = (found - by_chance) / (1 - by_chance)
    assert kappa == pytest.approx(cohen_kappa_score([*one], [*other]))
