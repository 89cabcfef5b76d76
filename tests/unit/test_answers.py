"""Parsing raw output: every rule of the strict and the lenient readers, by example."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_examples import FIVE, TASKS, TWENTY, entries, prediction

from ecslm.answers import choice, extraction, generation, ranking, yes_no
from ecslm.answers.protocol import answer_type


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes", "yes"),
        ("  No\n", "no"),
        ("YES", "yes"),
        ("yes.", "yes"),
        ("no!!!", "no"),
        ("yes,", "yes"),
        ('"yes"', "yes"),
        ("'No'.", "no"),
        ('"yes."', "yes"),
        ("\"'yes'!\".", "yes"),
        ("\u201cyes\u201d", "yes"),
        ("yes . ", "yes"),
        ("", None),
        (".", None),
        ('"', None),
        ("yes, it is", None),
        ("Answer: yes", None),
        ("yes no", None),
        ("yes?", None),
        (".yes", None),
        ("y", None),
        ("1", None),
    ],
)
def test_yes_no_strict(text: str, answer: str | None) -> None:
    assert yes_no.strict(prediction(text)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes", "yes"),
        ("Answer: No, because yes-men lie", "no"),
        ("The answer to yes or no is no", "no"),
        ("yes/no: Yes", "yes"),
        ("I know nothing", None),
        ("no-one could say", None),
        ("", None),
    ],
)
def test_yes_no_lenient(text: str, answer: str | None) -> None:
    assert yes_no.lenient(prediction(text)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("C", "C"),
        (" c \n", "C"),
        ("A: very positive", "A"),
        ("A: whatever else", "A"),
        ("d.", "D"),
        ("E) very negative", "E"),
        ("B:positive", "B"),
        ("neutral", "C"),
        ("Very Positive", "A"),
        ("F", None),
        ("F: very positive", None),
        ("B: very positive", None),
        ("b)  Very Positive ", None),
        ("B: very positive indeed", "B"),
        ("Answer: C", None),
        ("neutral.", None),
        ("C neutral", None),
        ("CD", None),
        ("", None),
        (":", None),
    ],
)
def test_choice_strict(text: str, answer: str | None) -> None:
    assert choice.strict(prediction(text, options=FIVE)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: C", "C"),
        ("The answer is D because it hurts", "D"),
        ("(b)", "B"),
        ("Option A is right", "A"),
        ("A customer was negative", "D"),
        ("It is very positive.", "A"),
        ("This review is positive, not negative", "B"),
        ("B: very positive", None),
        ("Answer B: very positive. Or rather C.", "C"),
        ("F", None),
        ("It's e.g. positively good", None),
        ("", None),
    ],
)
def test_choice_lenient(text: str, answer: str | None) -> None:
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
    assert problem.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("B,A,C", "BAC"),
        ("b > a > c", "BAC"),
        ("C A B", "CAB"),
        ("A, B,, A, C", "ABC"),
        ("A,Z,B", "AB"),
        ("B", "B"),
        ("A,B,C.", None),
        ("A,BC", None),
        ("A and B", None),
        ("A,1", None),
        ("X,Y", None),
        ("", None),
        (",", None),
    ],
)
def test_ranking_strict(text: str, answer: str | None) -> None:
    expected = tuple(answer) if answer else None
    assert ranking.strict(prediction(text, relevance=["E", "S", "I"])) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The ranking is B, A, C.", "BAC"),
        ("A customer wants C > B", "CB"),
        ("Best is C", "C"),
        ("a good one", None),
        ("B, Apples", "B"),
        ("", None),
    ],
)
def test_ranking_lenient(text: str, answer: str | None) -> None:
    expected = tuple(answer) if answer else None
    assert ranking.lenient(prediction(text, relevance=["E", "S", "I"])) == expected


@pytest.mark.parametrize("relevance", [None, [], ["E"] * 27])
def test_ranking_problems_name_relevance(relevance: list[str] | None) -> None:
    (problem,) = ranking.problems(prediction("A", relevance=relevance))
    assert problem.startswith("relevance: ")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[]", ()),
        (entries(("Brand ", " Acme", "title")), (("brand", "acme"),)),
        (entries(("size", 15), ("color", None)), (("size", "15"), ("color", "null"))),
        (f"  {entries(('a', 'b'))}\n", (("a", "b"),)),
        ('[{"attribute": "a", "value": NaN}]', (("a", "nan"),)),
        ('{"attribute": "a", "value": "b"}', None),
        ('[{"attribute": "a"}]', None),
        ('["a"]', None),
        ("[['a', 'b']]", None),
        (f"Here: {entries(('a', 'b'))}", None),
        (entries(("a", "b"))[:-4], None),
        ("[" * 100_000, None),
        (f"[{'1' * 5000}]", None),
        ("", None),
    ],
)
def test_extraction_strict(text: str, answer: object) -> None:
    assert extraction.strict(prediction(text)) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"```json\n{entries(('a', 'b'))}\n```", (("a", "b"),)),
        (f"[see] {entries(('a', 'b'))} and {entries(('c', 'd'))}", (("a", "b"),)),
        ("[1, 2]", None),
        ("none", None),
    ],
)
def test_extraction_lenient(text: str, answer: object) -> None:
    assert extraction.lenient(prediction(text)) == answer


def test_generation_is_the_text_and_empty_is_invalid() -> None:
    assert generation.strict(prediction(" It does. \n")) == "It does."
    assert generation.strict(prediction(" \n")) is None
    assert generation.lenient(prediction("x")) == generation.strict(prediction("x"))


@pytest.mark.parametrize(
    ("code", "reference"),
    [("PM", "maybe"), ("AVE", "brand: acme"), ("AVE", json.dumps(["brand"]))],
)
def test_an_unreadable_reference_is_a_problem(code: str, reference: str) -> None:
    (problem,) = answer_type(TASKS[code].answer).problems(prediction("yes", reference))
    assert problem.startswith("reference: ")


LIKELY_TEXT = st.one_of(st.text(), st.text(alphabet="ABCDEabce:.,>)(\"' \nyesno[]{}", max_size=30))


@given(text=LIKELY_TEXT, code=st.sampled_from(sorted(TASKS)))
def test_no_text_crashes_a_reader_and_lenient_finds_what_strict_finds(text: str, code: str) -> None:
    answers = answer_type(TASKS[code].answer)
    given_text = prediction(text, options=FIVE, relevance=["E", "S", "C"])
    found = answers.strict(given_text)
    read = answers.lenient(given_text)
    assert found is None or read == found
