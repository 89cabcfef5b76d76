"""Raw rows to records: the release's quirks, refusals, identities, relevance labels."""

import hashlib
import json
import math
from collections.abc import Sequence
from random import Random
from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.raw_rows import IND, ONE_SHOT, OOD, Row
from support.raw_rows import row as release_row

from ecslm.common.errors import InputError
from ecslm.data.labels import GRADES
from ecslm.data.records import build_records
from ecslm.data.settings import DatasetSettings
from ecslm.schemas.fields import is_nothing
from ecslm.schemas.record import Record

SINGLE = "IND_Single_Instruction"
UNSEEN = "IND_Unseen_Instruction"
EXAMPLE = '{"input": "a &amp; b",  "options": "None", "output": "yes"}'


def row(**changes: Any) -> Row:
    """A raw row of Product Matching."""
    return release_row("Product_Matching", "test", 3, **changes)


def ranking(output: str, number: int = 0, **changes: Any) -> Row:
    """A raw row of Query Product Ranking."""
    products = [f"{letter}: product {number}" for letter in sorted(output.split(","))]
    text = json.dumps({"query": "lamp", "product list": products})
    return row(input=text, output=output, **changes)


def build(
    rows: Sequence[Row],
    answer: str = "yes_no",
    settings: Sequence[str] = (IND,),
    labels: Sequence[Sequence[str]] | None = None,
    tolerate: Sequence[str] = (),
    form: str = "text",
    task: str = "PM",
    split: Any = "test",
) -> list[Record]:
    source = {"source": "path", "path": "rows.jsonl", "tolerate": tolerate}
    given = {"source": source, "aliases": ["A_Task"], "answer": answer, "settings": settings}
    given["input"] = "object" if answer == "ranking" else form
    known = DatasetSettings.model_validate(given)
    placed = [(f"line {number}", row) for number, row in enumerate(rows, start=1)]
    return build_records(placed, task, split, known, labels)


def problems(*arguments: Any, **options: Any) -> tuple[str, ...]:
    """What is wrong, without the last line, which says how to fix it."""
    with pytest.raises(InputError) as caught:
        build(*arguments, **options)
    lines = caught.value.problems
    return tuple(line for line in lines if "cannot be used: fix the data, or drop" not in line)


# The release's quirks


@pytest.mark.parametrize("value", [None, math.nan, "", " ", "None", "none", "null", "NaN"])
def test_no_options_arrive_in_many_forms_and_are_always_null(value: Any) -> None:
    assert is_nothing(value)
    assert build([row(options=value)])[0].options is None


def test_options_are_read_from_json_from_a_python_list_and_from_a_list_alike() -> None:
    options = ['A: it\'s "new"', "B: old"]
    forms = (json.dumps(options), repr(options), options)
    records = [build([row(options=form, output="A")], "choice")[0] for form in forms]
    assert [record.options for record in records] == [options] * 3
    assert len({record.id for record in records}) == 1


@given(*[st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)] * 3)
def test_texts_are_kept_as_they_are(instruction: str, text: str, output: str) -> None:
    (record,) = build([row(instruction=instruction, input=text, output=output)], "generation")
    assert (record.instruction, record.input, record.output) == (instruction, text, output)


def test_the_example_of_a_one_shot_row_stays_the_original_string() -> None:
    (record,) = build([row(few_shot_example=EXAMPLE, setting=ONE_SHOT)], settings=(ONE_SHOT,))
    assert record.few_shot_example == EXAMPLE


# Refusals beside those of test_checking.py: the type of answer, changes of a sound row, and words
# of the only line.
SHOT = {"setting": ONE_SHOT}
ENTRY = {"attribute": "size", "value": None}
REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("yes_no", {"options": "[1, 2]"}, "options: not a list of strings"),
    ("yes_no", {"options": '["\\ud800"]'}, "a text contains an unpaired surrogate"),
    ("yes_no", {"input": {"a": 1}}, "no text in input: write it in quotes, as JSON text"),
    ("yes_no", {"output": True}, "no text in output: write it in quotes"),
    ("choice", {"output": "A"}, "options: each needs a letter"),
    ("choice", {"options": '["A", "B: x"]', "output": "A"}, "options: each needs a letter"),
    ("choice", {"options": '["A: x", "A: y"]', "output": "A"}, "options: each needs a letter"),
    ("ranking", {"output": "B, A"}, "output: 'B, A' is not a permutation of the letters A, B"),
    ("ranking", {"output": "A,B", "input": "{}"}, "input: no list of texts"),
    ("ranking", {"output": "A", "input": '{"product list": ["B: x"]}'}, "input: no list of texts"),
    ("ranking", {"output": "A", "input": '{"product list": ["A:", "B:"]}'}, "output: 'A' ranks 1"),
    ("extraction", {"output": "[]"}, "output: not a JSON list of objects"),
    ("extraction", {"output": '[{"attribute": "size"}]'}, "output: not a JSON list of objects"),
    ("extraction", {"output": json.dumps([ENTRY])}, "output: not a JSON list of objects"),
    ("yes_no", {"few_shot_example": EXAMPLE}, f"few_shot_example: {IND} has none"),
    (
        "yes_no",
        SHOT | {"few_shot_example": r'{"input": "a", "output": "b", "more": {"\ud800": 1}}'},
        "a text contains an unpaired surrogate",
    ),
    ("yes_no", SHOT | {"few_shot_example": "not JSON"}, "few_shot_example: not a JSON object"),
    ("yes_no", SHOT | {"few_shot_example": '{"input": "a"}'}, "few_shot_example: not a JSON obj"),
    ("yes_no", {"form": "object", "input": "[1]"}, "input: not a JSON object"),
    ("yes_no", {"form": "list", "input": "[]"}, "input: an empty list"),
    ("yes_no", {"form": "list", "input": "1st: a"}, "input: neither JSON nor a Python list"),
    (
        "extraction",
        {"form": "object", "input": "{}", "output": json.dumps([ENTRY | {"value": "M"}])},
        "input: no text in `target attributes`",
    ),
)


@pytest.mark.parametrize(("answer", "changes", "words"), REFUSED)
def test_a_row_that_cannot_be_used_is_an_error(
    answer: str, changes: dict[str, Any], words: str
) -> None:
    form, changes = changes.get("form", "text"), {**changes}
    changes.pop("form", None)
    (problem,) = problems([row(**changes)], answer, (changes.get("setting", IND),), form=form)
    assert problem.startswith(f"line 1: {words}")


def test_every_broken_row_is_named_and_a_flood_of_them_is_cut() -> None:
    flood = problems([*[row(output="?")] * 25, *[row(instruction=" ")] * 6])
    kinds = [line.partition(": ")[2].partition(":")[0] for line in flood]
    assert kinds == [*["instruction"] * 5, "", *["output"] * 5, ""]
    more = ("and 1 more row (empty_field)", "and 20 more rows (bad_output)")
    assert (flood[5], flood[-1]) == more


def test_rows_with_tolerated_problems_are_dropped_and_others_are_not() -> None:
    rows = [row(output="?"), row(), row(input="")]
    assert [record.output for record in build(rows[:2], tolerate=["bad_output"])] == ["no"]
    assert problems(rows, tolerate=["bad_output"]) == ("line 3: input: empty",)
    with pytest.raises(InputError, match=r"`tolerate: \[empty_field, bad_output\]`"):
        build(rows, tolerate=["bad_output"])
    (problem,) = problems(rows[:1], tolerate=["bad_output"])
    assert problem.startswith(f"PM test: no usable rows of {IND} under the names PM,")


def test_a_row_equal_to_an_earlier_one_in_everything_is_a_duplicate() -> None:
    rows = [row(), row(), row(instruction="Same?"), row(setting=OOD)]
    assert problems(rows, settings=(IND, OOD)) == ("line 2: identical to an earlier row",)
    assert len(build(rows, settings=(IND, OOD), tolerate=["duplicate_record"])) == 3


def test_records_come_setting_by_setting_and_others_are_left_out() -> None:
    rows = [row(setting=s, input=f"{s} {n}") for n in (1, 2) for s in (OOD, UNSEEN, IND)]
    records = build(rows, settings=(IND, OOD))
    assert [r.input for r in records] == [f"{IND} 1", f"{IND} 2", f"{OOD} 1", f"{OOD} 2"]
    assert {(r.task, r.split) for r in records} == {("PM", "test")}


# Identities


def test_ids_are_stable_and_depend_neither_on_the_position_nor_on_other_rows() -> None:
    rows = [row(input=f"{n}") for n in range(5)]
    alone = [build([one])[0] for one in rows]
    assert alone == build(rows[::-1])[::-1]
    assert len({id_ for one in alone for id_ in (one.id, one.sample_id)}) == 10


@given(st.text(min_size=1).filter(str.strip), st.booleans())
@example('\x00\x1f\x7f\u2028\U0001f600"\\/', True)
def test_ids_are_digests_of_compact_json_whatever_the_text(text: str, has_options: bool) -> None:
    def digest(*parts: object, end: str = "") -> str:
        compact = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(f"{compact}{end}".encode()).hexdigest()[:16]

    options = ["A: x", text] if has_options else None
    rows = [row(input=text, instruction=f"{text}{n}", options=options) for n in range(3)]
    sample = ("PM", text, options, rows[0]["output"])
    for record, end in zip(build(rows), ("", "#2", "#3"), strict=True):
        assert record.sample_id == digest(*sample, end=end)
        assert record.id == digest(record.sample_id, IND, record.instruction)


OF_SAMPLE = ({"input": "x"}, {"output": "yes"}, {"options": '["A: x"]'})


@pytest.mark.parametrize("changes", [*OF_SAMPLE, {"instruction": "Same?"}, {"setting": OOD}])
def test_the_sample_decides_the_sample_id_and_with_instruction_and_setting_the_id(
    changes: dict[str, Any],
) -> None:
    (before,) = build([row()])
    (after,) = build([row(**changes)], settings=(changes.get("setting", IND),))
    assert before.id != after.id
    assert (before.sample_id == after.sample_id) == (changes not in OF_SAMPLE)
    assert build([row()], task="PSI")[0].sample_id != before.sample_id


def test_equal_rows_are_told_apart_by_their_ordinal_in_every_setting_alike() -> None:
    again = {"instruction": "Same?"}
    rows = [row(), row(setting=OOD), row(**again), row(input="other"), row(setting=OOD, **again)]
    records = build(rows, settings=(IND, OOD))
    assert len({r.id for r in records}) == 5
    samples = {s: [r.sample_id for r in records if r.setting == s] for s in (IND, OOD)}
    assert len(set(samples[IND])) == 3
    assert samples[OOD] == samples[IND][:2]
    assert records[0].id == build([row()])[0].id, "the first of equals is as if it stood alone"


# Relevance


def relevance(*arguments: Any, **options: Any) -> list[Any]:
    return [record.relevance for record in build(*arguments, **options)]


def test_labels_follow_the_rows_of_both_ind_settings_and_others_their_sample() -> None:
    rows = [
        ranking(output, number, setting=setting)
        for setting in (IND, SINGLE)
        for number, output in enumerate(("B,A", "A,B,C"))
    ]
    unseen = [{**one, "setting": UNSEEN} for one in rows[1::-1]]
    labels = [["I", "S"], ["E", "C", "I"]]
    found = relevance([*unseen, *rows], "ranking", (IND, SINGLE, UNSEEN), labels)
    assert found == [*labels, *labels, *labels[::-1]]
    assert relevance([*unseen, *rows], "ranking", (UNSEEN,), labels) == labels[::-1]


def test_a_dropped_row_keeps_its_place_among_the_labels() -> None:
    rows = [ranking("B,A", 1), ranking("A,B", 2, instruction=""), ranking("A,B", 3)]
    labels = [["S", "E"], ["E", "S"], ["C", "I"]]
    found = relevance(rows, "ranking", labels=labels, tolerate=["empty_field"])
    assert found == [labels[0], labels[2]]


@pytest.mark.parametrize("number", [1, 3])
def test_another_number_of_labels_is_an_error_whatever_is_tolerated(number: int) -> None:
    rows = [ranking("B,A", 1), ranking("A,B", 2)]
    given = {"labels": [["S", "E"]] * number, "tolerate": ["label_disagreement"]}
    expected = f"PM test {IND}: 2 rows, but {number} rows of labels"
    assert problems(rows, "ranking", **given) == (expected,)


@given(st.lists(st.sampled_from(GRADES), min_size=1, max_size=len(ascii_uppercase)), st.randoms())
def test_any_labels_fit_every_order_in_which_better_products_come_first(
    labels: list[str], random: Random
) -> None:
    letters = list(ascii_uppercase[: len(labels)])
    random.shuffle(letters)
    label_of = dict(zip(ascii_uppercase, labels, strict=False))
    letters.sort(key=lambda letter: GRADES.index(label_of[letter]))
    assert relevance([ranking(",".join(letters))], "ranking", labels=[labels]) == [labels]
    if len(set(labels)) > 1:
        (problem,) = problems([ranking(",".join(letters[::-1]))], "ranking", labels=[labels])
        assert "disagree with" in problem
    (problem,) = problems([ranking(",".join(letters))], "ranking", labels=[[*labels, "I"]])
    assert "disagree with" in problem


def test_samples_that_no_labelled_row_holds_are_an_error_never_guessed() -> None:
    rows = [ranking("B,A", 1), ranking("A,B,C", 2, setting=UNSEEN)]
    (problem,) = problems(rows, "ranking", (IND, UNSEEN), [["S", "E"]])
    assert problem.startswith(f"line 2: relevance: no row of {IND} or {SINGLE}, which have")


def test_without_labels_the_order_gives_the_relevance_of_test_records_of_rankings_alone() -> None:
    assert relevance([ranking("B,A,C,D,E")], "ranking") == [["S", "E", "C", "I", "I"]]
    assert relevance([row()]) == [None]
    assert relevance([ranking("B,A")], "ranking", split="train") == [None]
