"""What holds for any answers to any task: clean, in prose, or garbage."""

import itertools
import json
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scoring_examples import (
    FIVE,
    IND,
    OOD,
    QUICK,
    TASKS,
    TWENTY,
    block,
    entries,
    predictions,
    scored,
)

Rows = list[tuple[str, Any]]  # text, reference
Strategy = st.SearchStrategy

FEW = settings(max_examples=15)
# A mean of BERTScores has no answers to read.
ALL_TASKS = pytest.mark.parametrize("code", sorted({*TASKS} - {"AG"}))
NO_INTERVAL = QUICK.model_copy(update={"resamples": 1})

OPTIONS = {"PRP": FIVE[:3], "SA": FIVE, "MPC": FIVE, "SR": TWENTY}
GARBAGE = ("", " \n", "?", "I cannot say", "{}", "null", "1, 2", "</s></s>", "42%")

# No value contains another one, so that a hit is a hit of one entry alone.
VALUES = ("acme", "blue", "15 cm")
SOURCES = ("product title", "product description")

WRONG_TOO = ("clean", "prose", "garbage")


def answer_of(code: str) -> str:
    return TASKS[code].answer


def references(code: str) -> Strategy[Any]:
    """References of one record."""
    match answer_of(code):
        case "yes_no":
            return st.sampled_from(["yes", "no"])
        case "choice":
            letters = [option[0] for option in OPTIONS[code]]
            whole = [] if code == "SR" else OPTIONS[code]
            return st.sampled_from([*letters, *whole])
        case "ranking":
            return st.lists(st.sampled_from("ESCI"), min_size=1, max_size=5)
        case _:
            with_value = st.tuples(st.sampled_from(VALUES), st.sampled_from(SOURCES))
            entry = st.one_of(st.just(("None", "None")), with_value)
            return st.dictionaries(st.sampled_from(["brand", "color", "size"]), entry, min_size=1)


def right(code: str, reference: Any) -> str:
    """The best answer there is."""
    match answer_of(code):
        case "ranking":
            order = sorted(range(len(reference)), key=lambda i: "ESCI".index(reference[i]))
            return ",".join(ascii_uppercase[i] for i in order)
        case "extraction":
            return entries(*((name, *rest) for name, rest in reference.items()))
        case _:
            return reference


def clean(code: str, reference: Any) -> Strategy[str]:
    """Right and wrong answers in the form of the data."""
    match answer_of(code):
        case "yes_no":
            return st.sampled_from(["yes", "no"])
        case "choice":
            return st.sampled_from([option[0] for option in OPTIONS[code]])
        case "ranking":
            return st.permutations(ascii_uppercase[: len(reference)]).map(",".join)
        case _:
            return references(code).map(lambda found: right(code, found))


@st.composite
def rows_of(draw: st.DrawFn, code: str, *kinds: str) -> Rows:
    """A file's answers, of random kinds."""
    rows = []
    for reference in draw(st.lists(references(code), min_size=1, max_size=12)):
        kind = draw(st.sampled_from(kinds or ("right", *WRONG_TOO)))
        text = {
            "right": st.just(right(code, reference)),
            "clean": clean(code, reference),
            # A forgiving reader finds the answer.
            "prose": clean(code, reference).map("The answer is {}, I think".format),
            "garbage": st.sampled_from(GARBAGE),
        }[kind]
        rows.append((draw(text), reference))
    return rows


def as_predictions(code: str, rows: Rows, setting: str = IND) -> list:
    extraction = answer_of(code) == "extraction"
    pairs = [(text, right(code, ref) if extraction else ref) for text, ref in rows]
    return predictions(code, pairs, OPTIONS.get(code), setting=setting)


def scores_of(code: str, rows: Rows, chosen: Any = NO_INTERVAL, setting: str = IND) -> dict:
    return block(code, as_predictions(code, rows, setting), chosen)


def value_of(code: str, rows: Rows) -> float:
    return scores_of(code, rows)["strict"]["value"]


def wrong_answers(code: str, reference: Any) -> list[str]:
    """Every valid answer that has nothing right; for a ranking every one that is not the best."""
    match answer_of(code):
        case "yes_no":
            return ["no" if reference == "yes" else "yes"]
        case "choice":
            return [option[0] for option in OPTIONS[code] if option[0] != reference[0]]
        case "ranking":
            letters = ascii_uppercase[: len(reference)]
            rankings = [
                ",".join(ranked)
                for size in range(1, len(letters) + 1)
                for ranked in itertools.permutations(letters, size)
            ]
            return [text for text in rankings if value_of(code, [(text, reference)]) < 1]
        case _:
            fates = [
                [(name, "wrong")] if value == "None" else [(name, "wrong"), (name, "None")]
                for name, (value, _) in reference.items()
            ]
            return [entries(*entry) for entry in itertools.product(*fates)]


@ALL_TASKS
@FEW
@given(data=st.data())
def test_the_order_of_records_changes_nothing(code: str, data: st.DataObject) -> None:
    made = [
        one.model_copy(update={"id": f"{setting}-{one.id}"})
        for setting in (IND, OOD)
        for one in as_predictions(code, data.draw(rows_of(code)), setting)
    ]
    few = QUICK.model_copy(update={"resamples": 20})
    before = scored(code, made, few).metrics
    after = scored(code, data.draw(st.permutations(made)), few).metrics
    assert json.dumps(after.model_dump()) == json.dumps(before.model_dump())


@ALL_TASKS
@FEW
@given(data=st.data(), setting=st.sampled_from([IND, OOD]))
def test_a_perfect_predictor_scores_one_under_all_protocols(
    code: str, data: st.DataObject, setting: str
) -> None:
    given_references = data.draw(st.lists(references(code), min_size=1, max_size=8))
    if answer_of(code) == "yes_no":
        given_references.append("yes")  # without any, F1 is not defined
    if answer_of(code) == "ranking":
        # As released, a record without any relevant product scores 0.
        given_references = [[*reference, "E"] for reference in given_references]
    rows = [(right(code, reference), reference) for reference in given_references]
    scores = scores_of(code, rows, setting=setting)
    assert scores["strict"]["value"] == 1
    assert scores["strict"]["details"]["lenient"]["value"] == 1
    assert scores["strict"]["details"]["lenient"]["n_invalid"] == scores["n_invalid"] == 0
    assert scores["released"]["value"] == pytest.approx(1, abs=2e-6)
    of_2024 = 2 if code == "AVE" else scores["released"]["value"]
    assert scores["released_2024"]["value"] == of_2024


@ALL_TASKS
@FEW
@given(data=st.data())
def test_an_invalid_answer_is_never_better_than_the_average_wrong_one(
    code: str, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(code))
    reference = data.draw(
        st.lists(st.sampled_from("ESCI"), min_size=1, max_size=3)
        if answer_of(code) == "ranking"
        else references(code)
    )
    invalid = value_of(code, [*rows, (data.draw(st.sampled_from(GARBAGE)), reference)])
    wrong = {
        text: value_of(code, [*rows, (text, reference)]) for text in wrong_answers(code, reference)
    }
    if wrong:
        assert invalid <= np.mean(list(wrong.values())) + 1e-12
    if TASKS[code].metric == "macro_f1":
        # Also over the wrong answers of classes that are scored at all.
        present = {reference[0], *(other[0] for _, other in rows)}
        scored_classes = [value for text, value in wrong.items() if text in present]
        if scored_classes:
            assert invalid <= np.mean(scored_classes) + 1e-12


@ALL_TASKS
@FEW
@given(data=st.data())
def test_a_right_answer_in_place_of_any_other_never_lowers_the_value(
    code: str, data: st.DataObject
) -> None:
    # For macro-F1 too: the classes are those of the references, which stay; the right class has
    # one hit more and one miss less, another class one false positive less or part of one.
    rows = data.draw(rows_of(code, *WRONG_TOO))
    place = data.draw(st.integers(0, len(rows) - 1))
    _, reference = rows[place]
    corrected = [*rows[:place], (right(code, reference), reference), *rows[place + 1 :]]
    assert value_of(code, corrected) >= value_of(code, rows) - 1e-12


@ALL_TASKS
@FEW
@given(data=st.data())
def test_lenient_finds_the_answer_in_prose_and_never_loses_one(
    code: str, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(code))
    scores = scores_of(code, rows)
    assert scores["strict"]["details"]["lenient"]["n_invalid"] <= scores["n_invalid"]
    in_prose = scores_of(code, data.draw(rows_of(code, "prose")))
    assert in_prose["n_invalid"] == in_prose["n"]
    assert in_prose["strict"]["details"]["lenient"]["n_invalid"] == 0
