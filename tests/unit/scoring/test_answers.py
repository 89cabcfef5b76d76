"""Parsing raw output: what the rules in words leave to the readers, and what cannot be scored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scoring_examples import FIVE, TASKS, TWENTY, entries, prediction

from ecslm.scoring.answers import choice, extraction, ranking, yes_no
from ecslm.scoring.answers.protocol import answer_type


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes/no: No", "no"),
        ("yes-men say no", "no"),
        ("no-one could say", None),
    ],
)
def test_yes_no_lenient_passes_over_the_question_and_compounds(
    text: str, answer: str | None
) -> None:
    assert yes_no.lenient(prediction(text)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("(b)", "B"),
        ("Option A is right", "A"),
        ("A customer was negative", "D"),
        ("B: very positive", None),
        ("Answer B: very positive. Or rather C.", "C"),
        ("It's e.g. positively good", None),
    ],
)
def test_choice_lenient_tells_letters_from_words_and_passes_over_contradictions(
    text: str, answer: str | None
) -> None:
    assert choice.lenient(prediction(text, options=FIVE)) == answer


def test_choice_lenient_does_not_take_the_pronoun_for_an_option() -> None:
    assert choice.lenient(prediction("I think it is T", options=TWENTY)) == "T"
    assert choice.lenient(prediction("It is I", options=TWENTY)) == "I"


def test_choice_option_text_that_begins_like_a_letter_is_that_option() -> None:
    options = ["A: B. Franklin mug", "B: C. Bechstein poster"]
    assert choice.strict(prediction("b. franklin mug", options=options)) == "A"
    assert choice.strict(prediction("B", options=options)) == "B"


def test_choice_text_of_two_equal_options_is_the_first_and_either_letter_is_itself() -> None:
    options = ["A: mug", "B: mug"]
    assert choice.strict(prediction("mug", options=options)) == "A"
    assert choice.strict(prediction("B: mug", options=options)) == "B"


def test_choice_reference_may_be_letter_or_full_option() -> None:
    assert choice.reference(prediction("", "B", options=FIVE)) == "B"
    assert choice.reference(prediction("", "A: very positive", options=FIVE)) == "A"


@pytest.mark.parametrize(
    ("options", "reference", "field"),
    [
        (None, "A", "options"),
        ([], "A", "options"),
        (["very positive"], "A", "options"),
        (["A: x", "a: y"], "A", "options"),
        (FIVE, "F", "reference"),
        (FIVE, "B: very positive", "reference"),
    ],
)
def test_choice_problems_name_the_field(options: list[str], reference: str, field: str) -> None:
    (problem,) = choice.problems(prediction("A", reference, options=options))
    assert problem.field == field


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("A customer wants C > B", "CB"),
        ("Best is C", "C"),
        ("a good one", None),
        ("B, Apples", "B"),
    ],
)
def test_ranking_lenient_tells_letters_from_words(text: str, answer: str | None) -> None:
    expected = tuple(answer) if answer else None
    assert ranking.lenient(prediction(text, relevance=["E", "S", "I"])) == expected


@pytest.mark.parametrize("relevance", [None, [], ["E"] * 27])
def test_ranking_problems_name_relevance(relevance: list[str] | None) -> None:
    (problem,) = ranking.problems(prediction("A", relevance=relevance))
    assert problem.field == "relevance"


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
    assert extraction.strict(prediction(text)) == answer


def test_extraction_lenient_does_not_take_a_list_of_something_else() -> None:
    assert extraction.lenient(prediction("[1, 2]")) is None


@pytest.mark.parametrize(
    ("code", "reference"),
    [("PM", "maybe"), ("AVE", "brand: acme"), ("AVE", json.dumps(["brand"]))],
)
def test_an_unreadable_reference_is_a_problem(code: str, reference: str) -> None:
    (problem,) = answer_type(TASKS[code].answer).problems(prediction("yes", reference))
    assert problem.field == "reference"


LIKELY_TEXT = st.one_of(st.text(), st.text(alphabet="ABCDEabce:.,>)(\"' \nyesno[]{}", max_size=30))


@given(text=LIKELY_TEXT, code=st.sampled_from(sorted(TASKS)))
def test_no_text_crashes_a_reader_and_lenient_finds_what_strict_finds(text: str, code: str) -> None:
    answers = answer_type(TASKS[code].answer)
    given_text = prediction(text, options=FIVE, relevance=["E", "S", "C"])
    found = answers.strict(given_text)
    read = answers.lenient(given_text)
    assert found is None or read == found
