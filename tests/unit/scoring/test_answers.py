"""Parsing raw output: what the rules in words leave to the readers, and what cannot be scored."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scoring_examples import FIVE, TASKS, TWENTY, entries, prediction

from ecslm.scoring.answers import choice, extraction, ranking
from ecslm.scoring.answers.protocol import answer_type


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


def first_list_of_brackets(text: str) -> Any:
    """The lenient answer in plain code, which reads the same brackets again and again."""
    for start in (place for place, character in enumerate(text) if character == "["):
        with suppress(ValueError, RecursionError):
            found = json.JSONDecoder().raw_decode(text, start)[0]
            if extraction._entries(found) is not None:
                return extraction._entries(found)
    return None


ENTRY = '{"attribute": "a", "value": "b"}'
PIECES = st.sampled_from(
    [
        *("[", "]", "{", "}", ",", ":", '"', "\\", " ", "\n", "\t", "\x01", "a", "é", "\ud83d"),
        *(
            "-",
            "0",
            "1",
            "01",
            "1.",
            "1.5e3",
            "-Infinity",
            "NaN",
            "true",
            "null",
            "nul",
            "7" * 5000,
        ),
        *(ENTRY, f"[{ENTRY}]", "[]", "{}", '"attribute"', '"value"', '"attribute": "a",', '\\"'),
        *('"\\u0061ttribute": 1', '"\\u00', '"x [] y"', '"[', '["', "[[", "]]", "[{", "}]"),
    ]
)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_extraction_lenient_finds_what_trying_each_bracket_finds(text: str) -> None:
    assert extraction.lenient(prediction(text)) == first_list_of_brackets(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text('a"[]{}\\\n'),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["attribute", "value", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(JSON_VALUES, st.text('a"[ ', max_size=5), st.integers(0, 5), st.booleans())
def test_extraction_lenient_finds_it_in_json_that_is_quoted_or_cut_off(
    value: Any, before: str, cut: int, ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    text = before + text[: len(text) - cut]
    assert extraction.lenient(prediction(text)) == first_list_of_brackets(text)


def test_extraction_lenient_passes_over_lists_too_deep_for_the_reader() -> None:
    deep = 50_000
    text = f'[{{"attribute": "a", "value": {"[" * deep}{"]" * deep}}}]'
    # The innermost list of all is empty, so it has no item of another form.
    assert extraction.lenient(prediction(text)) == ()


def option_texts(text: str, options: dict[str, str]) -> list[tuple[int, int, str]]:
    """Option texts in a text in plain code, which compares each with each."""
    found: list[tuple[int, int, str]] = []
    for letter, option in sorted(options.items(), key=lambda item: (-len(item[1]), item[0])):
        longer = list(found)
        for start in range(len(text)):
            end = start + len(option)
            around = f"{text[:start][-1:]}{text[end : end + 1]}"
            if not option or text[start:end] != option or any(map(str.isalnum, around)):
                continue
            if not any(one[0] <= start and end <= one[1] for one in longer):
                found.append((start, end, letter))
    return found


WORDS = st.lists(st.sampled_from(["a", "b", " ", "a b", "b a"]), max_size=12).map("".join)


@given(WORDS, st.dictionaries(st.sampled_from("ABCD"), WORDS, max_size=4))
def test_choice_lenient_finds_option_texts_that_are_no_part_of_longer_ones(
    text: str, options: dict[str, str]
) -> None:
    assert [tuple(one) for one in choice._option_texts(text, options)] == option_texts(
        text, options
    )
