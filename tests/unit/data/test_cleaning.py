"""Raw rows to records: the release's quirks, refusals, identities, relevance labels."""

import json
import math
from collections.abc import Sequence
from random import Random
from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.common.errors import InputError
from ecslm.data.cleaning import build_records
from ecslm.data.relevance import GRADES
from ecslm.data.settings import DatasetSettings
from ecslm.schemas.fields import is_nothing, parse_list
from ecslm.schemas.record import Record

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"
SINGLE = "IND_Single_Instruction"
UNSEEN = "IND_Unseen_Instruction"
ONE_SHOT = "IND_Diverse_Instruction_1-shot"

NOTHING = [None, math.nan, "", " ", "None", "none", "null", "NaN"]

Row = dict[str, Any]


def row(**changes: Any) -> Row:
    """A raw row of Product Matching."""
    return {
        "split": "test",
        "task": "Product_Matching",
        "setting": IND,
        "instruction": "Are they the same product?",
        "input": '{"product 1": {"price": "3"}, "product 2": {"price": "4"}}',
        "options": None,
        "output": "no",
        "few_shot_example": None,
    } | changes


def ranking(output: str, number: int = 0, **changes: Any) -> Row:
    """A raw row of Query Product Ranking."""
    products = [f"{letter}: product {number}" for letter in sorted(output.split(","))]
    text = json.dumps({"query": "lamp", "product list": products})
    return row(task="Query_Product_Rank", input=text, output=output, **changes)


def build(
    rows: Sequence[Row],
    answer: str = "yes_no",
    settings: Sequence[str] = (IND,),
    labels: Sequence[Sequence[str]] | None = None,
    task: str = "PM",
    tolerate: Sequence[str] = (),
    form: str = "text",
) -> list[Record]:
    placed = [(f"rows.jsonl: line {number}", row) for number, row in enumerate(rows, start=1)]
    return build_records(placed, task, "test", of(answer, settings, tolerate, form), labels)


def of(
    answer: str, settings: Sequence[str], tolerate: Sequence[str] = (), form: str = "text"
) -> DatasetSettings:
    return DatasetSettings.model_validate(
        {
            "source": {"source": "path", "path": "rows.jsonl", "tolerate": tolerate},
            "input": form,
            "aliases": ["A_Task"],
            "answer": answer,
            "settings": settings,
        }
    )


def problems(*arguments: Any, **options: Any) -> tuple[str, ...]:
    """What is wrong, without the file's name and the last line, which says how to fix it."""
    with pytest.raises(InputError) as caught:
        build(*arguments, **options)
    *lines, last = caught.value.problems
    if "cannot be used: fix the data, or drop" not in last:
        lines.append(last)
    return tuple(line.removeprefix("rows.jsonl: ") for line in lines)


@pytest.mark.parametrize("value", NOTHING)
def test_no_options_arrive_in_many_forms_and_are_always_null(value: Any) -> None:
    assert is_nothing(value)
    (record,) = build([row(options=value)])
    assert record.options is None


def test_a_row_without_the_columns_that_may_be_empty_has_nulls() -> None:
    bare = row()
    del bare["options"], bare["few_shot_example"]
    (record,) = build([bare])
    assert (record.options, record.few_shot_example) == (None, None)


@pytest.mark.parametrize("value", ["A: none", "0", "no", 0.0, "nano"])
def test_what_looks_a_little_like_nothing_is_something(value: Any) -> None:
    assert not is_nothing(value)


@pytest.mark.parametrize(
    "value",
    [
        '["A: it\'s \\"new\\"", "B: old"]',
        "['A: it\\'s \"new\"', 'B: old']",
        ['A: it\'s "new"', "B: old"],
    ],
)
def test_options_are_read_from_json_from_a_python_list_and_from_a_list(value: Any) -> None:
    (record,) = build([row(options=value, output="A")], "choice")
    assert record.options == ['A: it\'s "new"', "B: old"]


@pytest.mark.parametrize("value", ["A: new, B: old", "[1, 2]"])
def test_options_that_are_no_list_of_strings_are_an_error_of_that_row(value: Any) -> None:
    (problem,) = problems([row(), row(options=value)])
    assert problem.startswith("line 2: options: ")


@given(st.lists(st.text()))
def test_lists_come_back_from_json_and_from_python_text(values: list[str]) -> None:
    assert parse_list(json.dumps(values)) == values
    assert parse_list(repr(values)) == values


@given(*[st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)] * 3)
def test_texts_are_kept_as_they_are(instruction: str, text: str, output: str) -> None:
    (record,) = build([row(instruction=instruction, input=text, output=output)], "generation")
    assert (record.instruction, record.input, record.output) == (instruction, text, output)


EXAMPLE = '{"input": "a &amp; b",  "options": "None", "output": "yes"}'


def test_the_example_of_a_one_shot_row_stays_the_original_string() -> None:
    (record,) = build([row(few_shot_example=EXAMPLE, setting=ONE_SHOT)], settings=(ONE_SHOT,))
    assert record.few_shot_example == EXAMPLE


@pytest.mark.parametrize(
    "value",
    [
        "not JSON",
        '{"input": "a"}',
        '{"input": "a", "output": "b", "options": "A or B"}',
    ],
)
def test_an_example_without_its_parts_is_an_error(value: Any) -> None:
    (problem,) = problems([row(few_shot_example=value, setting=ONE_SHOT)], settings=(ONE_SHOT,))
    assert problem.startswith("line 1: few_shot_example: not ")


@pytest.mark.parametrize("field", ["instruction", "input", "output"])
def test_an_empty_text_is_an_error_of_that_row(field: str) -> None:
    assert problems([row(**{field: " \n"})]) == (f"line 1: {field}: empty",)


FIVE = '["A: very positive", "B: positive", "C: neutral", "D: negative", "E: very negative"]'
ENTRY = '[{"attribute": "size", "value": "None", "source": "None"}]'


@pytest.mark.parametrize(
    ("answer", "options", "output", "words"),
    [
        ("yes_no", None, "Yes", "output: 'Yes' is neither yes nor no, in lower case"),
        ("choice", FIVE, "F", "output: 'F' is neither an option nor an option's letter"),
        ("choice", "None", "A", "options: missing, but the task chooses among options"),
        ("ranking", None, "B, A", "output: 'B, A' is not a permutation of the letters A, B, ..."),
        ("extraction", None, "size: None", "output: not a JSON list of objects"),
        ("extraction", None, '[{"attribute": "size"}]', "output: an entry is not an object with"),
    ],
)
def test_an_output_that_no_answer_could_match_is_an_error(
    answer: str, options: str | None, output: str, words: str
) -> None:
    (problem,) = problems([row(options=options, output=output)], answer)
    assert problem.startswith(f"line 1: {words}")


def test_every_broken_row_is_named_and_a_flood_of_them_is_cut() -> None:
    assert len(problems([row(output="?"), row(), row(input="")])) == 2
    flood = problems([*[row(output="?")] * 25, *[row(instruction=" ")] * 6])
    kinds = [line.partition(": ")[2].partition(":")[0] for line in flood]
    assert kinds == [*["instruction"] * 5, "", *["output"] * 5, ""]
    assert (flood[5], flood[-1]) == (
        "and 1 more row (empty_field)",
        "and 20 more rows (bad_output)",
    )


def test_rows_with_tolerated_problems_are_dropped_and_others_are_not() -> None:
    rows = [row(output="?"), row(), row(input="")]
    (record,) = build([*rows[:2]], tolerate=["bad_output"])
    assert record.output == "no"
    assert problems(rows, tolerate=["bad_output"]) == ("line 3: input: empty",)
    with pytest.raises(InputError, match=r"`tolerate: \[empty_field, bad_output\]`"):
        build(rows, tolerate=["bad_output"])


def test_a_setting_of_which_all_rows_were_dropped_is_an_error() -> None:
    (problem,) = problems([row(output="?")], tolerate=["bad_output"])
    assert problem == (
        f"PM test: 1 row of {IND}, none of which can be used, and `tolerate` drops them all: fix "
        "the data"
    )


def test_a_row_without_a_text_is_named_with_the_columns_that_lack_it() -> None:
    bare = {"setting": IND, "instruction": "Same?", "answer": "no"}
    found = problems([row(), bare, row(output=None, instruction=3), row(input={"a": 1})])
    assert found == (
        "line 2: no text in input, output: the row has 'instruction', 'answer'",
        "line 3: no text in instruction, output: write instruction in quotes, as text",
        "line 4: no text in input: write input as JSON text",
    )


@pytest.mark.parametrize(
    ("form", "answer", "text", "words"),
    [
        ("object", "yes_no", "a lamp", "not JSON"),
        ("object", "yes_no", "[1]", "not a JSON object"),
        ("list", "yes_no", "1st: a lamp", "neither JSON nor a Python list"),
        ("object", "extraction", '{"product title": "a"}', "no text in `target attributes`"),
        ("object", "ranking", '{"query": "lamp"}', "no list in `product list`"),
    ],
)
def test_an_input_of_another_form_is_an_error(
    form: str, answer: str, text: str, words: str
) -> None:
    output = {"yes_no": "no", "extraction": ENTRY, "ranking": "A,B"}[answer]
    assert problems([row(input=text, output=output)], answer, form=form) == (
        f"line 1: input: {words}",
    )


def test_a_ranking_orders_all_products_of_its_list() -> None:
    text = ranking("A,B,C")["input"]
    found = problems([row(input=text, output="B,A")], "ranking", task="QPR", form="object")
    assert found == ("line 1: output: 'B,A' ranks 2 of 3 products",)


@pytest.mark.parametrize("products", [["x", "y"], ["B: x", "A: y"]])
def test_the_products_of_a_ranking_have_their_letters_in_order(products: list[Any]) -> None:
    text = json.dumps({"query": "lamp", "product list": products})
    (problem,) = problems([row(input=text, output="B,A")], "ranking", task="QPR", form="object")
    assert problem.startswith("line 1: input: product ")


def test_a_row_equal_to_an_earlier_one_in_everything_is_a_duplicate() -> None:
    rows = [row(), row(), row(instruction="Same?"), row(setting=OOD)]
    assert problems(rows, settings=(IND, OOD)) == ("line 2: identical to an earlier row",)
    assert len(build(rows, settings=(IND, OOD), tolerate=["duplicate_record"])) == 3


def test_an_example_belongs_to_one_shot_rows_and_to_them_alone() -> None:
    assert problems([row(setting=ONE_SHOT)], settings=(ONE_SHOT,)) == (
        f"line 1: few_shot_example: missing, but {ONE_SHOT} needs one",
    )
    assert problems([row(few_shot_example=EXAMPLE)]) == (
        f"line 1: few_shot_example: present, but {IND} has none",
    )


def test_records_come_setting_by_setting_and_others_are_left_out() -> None:
    rows = [row(setting=s, input=f"{s} {n}") for n in (1, 2) for s in (OOD, UNSEEN, IND)]
    records = build(rows, settings=(IND, OOD))
    assert [r.input for r in records] == [f"{IND} 1", f"{IND} 2", f"{OOD} 1", f"{OOD} 2"]
    assert {(r.task, r.split) for r in records} == {("PM", "test")}


# Identities


def test_ids_are_stable() -> None:
    (record,) = build([row()])
    assert (record.id, record.sample_id) == ("9c239fa90f975138", "67715afba18d77fa")


def test_ids_depend_neither_on_the_position_nor_on_other_rows() -> None:
    rows = [row(input=f"{n}") for n in range(5)]
    alone = {r.input: (r.id, r.sample_id) for one in rows for r in build([one])}
    turned = {r.input: (r.id, r.sample_id) for r in build(rows[::-1])}
    assert alone == turned
    assert len({i for pair in alone.values() for i in pair}) == 10


def test_the_sample_decides_the_sample_id_and_with_instruction_and_setting_the_id() -> None:
    (before,) = build([row()])
    for changes in ({"input": "x"}, {"output": "yes"}):
        (after,) = build([row(**changes)])
        assert before.id != after.id
        assert before.sample_id != after.sample_id
    for changes in ({"instruction": "Same?"}, {"setting": OOD}):
        (after,) = build([row(**changes)], settings=(changes.get("setting", IND),))
        assert before.id != after.id
        assert before.sample_id == after.sample_id
    assert build([row()], task="PSI")[0].sample_id != before.sample_id


def test_the_form_of_the_options_does_not_change_the_ids() -> None:
    forms = [json.dumps(["A: x", "B: y"]), "['A: x', 'B: y']", ["A: x", "B: y"]]
    ids = {build([row(options=form, output="A")], "choice")[0].id for form in forms}
    assert len(ids) == 1


def test_equal_rows_are_told_apart_by_their_ordinal_in_every_setting_alike() -> None:
    again = {"instruction": "Same?"}
    rows = [row(), row(setting=OOD), row(**again), row(input="other"), row(setting=OOD, **again)]
    records = build(rows, settings=(IND, OOD))
    assert len({r.id for r in records}) == 5
    samples = {s: [r.sample_id for r in records if r.setting == s] for s in (IND, OOD)}
    assert len(set(samples[IND])) == 3
    assert samples[OOD] == samples[IND][:2]
    (alone,) = build([row()])
    assert records[0].id == alone.id, "the first of equals is as if it stood alone"


# Relevance


def test_labels_follow_the_rows_of_both_ind_settings() -> None:
    rows = [ranking("B,A", 1), ranking("A,B,C", 2), ranking("B,A", 1, setting=SINGLE)]
    rows.append(ranking("A,B,C", 2, setting=SINGLE))
    labels = [["I", "S"], ["E", "C", "I"]]
    records = build(rows, "ranking", (IND, SINGLE), labels, "QPR")
    assert [r.relevance for r in records] == [*labels, *labels]


def test_other_settings_of_a_sample_take_its_labels_whatever_their_order() -> None:
    rows = [ranking("B,A", 1), ranking("A,B,C", 2)]
    rows += [ranking("A,B,C", 2, setting=UNSEEN), ranking("B,A", 1, setting=UNSEEN)]
    labels = [["C", "S"], ["E", "S", "I"]]
    records = build(rows, "ranking", (IND, UNSEEN), labels, "QPR")
    assert [r.relevance for r in records[2:]] == [labels[1], labels[0]]


def test_a_dropped_row_keeps_its_place_among_the_labels() -> None:
    rows = [ranking("B,A", 1), ranking("A,B", 2, instruction=""), ranking("A,B", 3)]
    labels = [["S", "E"], ["E", "S"], ["C", "I"]]
    options = {"labels": labels, "task": "QPR", "tolerate": ["empty_field"]}
    assert [r.relevance for r in build(rows, "ranking", **options)] == [labels[0], labels[2]]


def test_a_row_of_labels_too_many_is_an_error_beside_all_others() -> None:
    number = 3
    rows = [ranking("B,A", 1), ranking("A,B", 2, instruction="")]
    first, *others = problems(rows, "ranking", (IND,), [["S", "E"]] * number, "QPR")
    assert first == f"QPR test {IND}: 2 rows, but {number} rows of labels"
    assert others == ["line 2: instruction: empty"]
    tolerated = ("empty_field", "label_disagreement")
    assert len(problems(rows, "ranking", (IND,), [["S", "E"]] * number, "QPR", tolerated)) == 1


def test_labelled_rows_give_labels_also_where_their_setting_is_not_wanted() -> None:
    rows = [ranking("B,A", 1), ranking("A,B", 2), ranking("A,B", 2, setting=UNSEEN)]
    (record,) = build(rows, "ranking", (UNSEEN,), [["S", "E"], ["C", "I"]], "QPR")
    assert record.relevance == ["C", "I"]


@given(st.lists(st.sampled_from(GRADES), min_size=1, max_size=len(ascii_uppercase)), st.randoms())
def test_any_labels_fit_every_order_in_which_better_products_come_first(
    labels: list[str], random: Random
) -> None:
    letters = list(ascii_uppercase[: len(labels)])
    random.shuffle(letters)
    label_of = dict(zip(ascii_uppercase, labels, strict=False))
    letters.sort(key=lambda letter: GRADES.index(label_of[letter]))
    rows = [ranking(",".join(letters))]
    (record,) = build(rows, "ranking", labels=[labels], task="QPR")
    assert record.relevance == labels
    if len(set(labels)) > 1:
        rows = [ranking(",".join(letters[::-1]))]
        (problem,) = problems(rows, "ranking", (IND,), [labels], "QPR")
        assert "disagree with" in problem


def test_samples_that_no_labelled_row_holds_are_an_error_never_guessed() -> None:
    rows = [ranking("B,A", 1), ranking("A,B,C", 2, setting=UNSEEN)]
    (problem,) = problems(rows, "ranking", (IND, UNSEEN), [["S", "E"]], "QPR")
    assert problem.startswith(f"line 2: relevance: no row of {IND} or {SINGLE}, which have")


def test_without_labels_the_order_gives_the_relevance() -> None:
    (record,) = build([ranking("B,A,C,D,E")], "ranking", task="QPR")
    assert record.relevance == ["S", "E", "C", "I", "I"]


def test_only_test_records_of_rankings_have_relevance() -> None:
    assert build([row()])[0].relevance is None
    settings = of("ranking", (IND,))
    (training,) = build_records([("line 1", ranking("B,A"))], "QPR", "train", settings, None)
    assert training.relevance is None


@pytest.mark.parametrize(
    "entry", [{"attribute": "size", "value": None}, {"attribute": 1, "value": ""}]
)
def test_entries_of_an_extraction_hold_text(entry: dict[str, Any]) -> None:
    assert problems([row(output=json.dumps([entry]))], "extraction") == (
        "line 1: output: the attribute or value of an entry is not text",
    )


def test_labels_of_another_number_of_products_disagree() -> None:
    (problem,) = problems([ranking("B,A")], "ranking", (IND,), [["S", "E", "I"]], "QPR")
    assert problem == "line 1: relevance: 3 labels, but 'B,A' ranks 2"
