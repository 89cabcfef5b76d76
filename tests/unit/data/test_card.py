"""The data card: what it says of the reports, and that every template error is one line."""

from pathlib import Path
from typing import Any

import pytest
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.data.card import CardSettings, render_card

TEMPLATE = ROOT / "report/data_card.md.jinja"
IND = "IND_Diverse_Instruction"

LENGTHS = {"min": 5, "p50": 10, "p95": 20, "p99": 25, "max": 30}
DESCRIBED: dict[str, Any] = {
    "records": 4,
    "instructions": 2,
    "labels": {"no": 3, "yes": 1},
    "room": 24,
}
DESCRIBED |= {"prompt_tokens": LENGTHS, "answer_tokens": LENGTHS, "truncated": 1}
OVERLAP: dict[str, Any] = {
    "records": 4,
    "exact": 1,
    "exact_with_output": 0,
    "near": 2,
    "instruction": "unseen",
    "queries": {"records": 4, "shared": 3},
    "history_targets": None,
}

TASK = {"code": "PM", "title": "Product Matching", "leakage": True}
EXAMPLE = {"instruction": "Same?", "input": "# a\n* b", "options": None, "output": "yes"}


def settings(**changes: Any) -> CardSettings:
    fields: dict[str, Any] = {
        "study": "shop",
        "title": "A shop",
        "source": "shop.jsonl",
        "license": "CC-BY-4.0",
    }
    fields |= {"comparable": False, "ranked_by_output": [], "template": "chatml"}
    fields |= {"tolerated": ["bad_output"], "tasks": [TASK]}
    return CardSettings.model_validate(fields | changes)


def write_reports(results: Path, **check: Any) -> None:
    report = {"files": {"shop.jsonl": "0" * 64}, "problems": {}, "dropped": 0, "elsewhere": 0}
    report |= {"tasks": {"PM": {"test": {IND: {"rows": 6, "records": 4}}}}, "differing": []}
    write_json(results / "data_check.json", {**report, **check})
    description = {"task": "PM", "answer": "yes_no", "tokenizer": "Tiny", "options": None}
    description |= {"example": EXAMPLE}
    write_json(
        results / "descriptions/PM.json", {**description, "splits": {"test": {IND: DESCRIBED}}}
    )
    leakage = {"task": "PM", "shingle_words": 3, "jaccard": 0.8, "pairs": []}
    write_json(results / "leakage/PM.json", {**leakage, "settings": {IND: OVERLAP}})


def rows(card: str) -> list[list[str]]:
    """The cells of all table rows that are about the setting."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in card.splitlines()
        if line.startswith("|") and IND in line
    ]


def test_the_card_says_what_the_reports_say(tmp_path: Path) -> None:
    write_reports(tmp_path)
    card = render_card(TEMPLATE, tmp_path, settings())
    assert rows(card) == [
        ["PM", "test", IND, "6", "2", "4", "2"],
        ["PM", "test", IND, "no 75.0 % (3), yes 25.0 % (1)"],
        ["PM", "test", IND, "5", "10", "20", "25", "30", "10", "20", "30", "24", "1"],
        ["PM", IND, "4", "1", "0", "2", "unseen", "3 of 4", "--"],
    ]
    assert card.startswith('---\npretty_name: "A shop"\nlicense: "cc-by-4.0"\n---\n')
    assert f"- File: `shop.jsonl`, sha256 `{'0' * 64}`" in card
    assert "None: every row of the source was checked." in card
    assert "Known facts about ECInstruct" not in card
    # Nothing in an example is Markdown.
    assert "### PM: Product Matching\n\nAnswer: yes or no.\n" in card
    assert "\n    Same?\n\n    # a\n    * b\n\nRight answer:\n\n    yes\n" in card


def test_dropped_rows_are_told_by_kind_with_the_first_of_each(tmp_path: Path) -> None:
    problems = {"bad_output": {"count": 2, "first": ["line 3: output: 'a|b'", "line 4"]}}
    write_reports(tmp_path, problems=problems, dropped=2, elsewhere=1, differing=["PM: 6 rows"])
    card = render_card(TEMPLATE, tmp_path, settings())
    assert "tolerates bad_output: 2 rows, 1 of them without a known task" in card
    assert "| bad_output | 2 | line 3: output: 'a\\|b' |" in card
    assert "Counts other than the published ones: 1; for example PM: 6 rows." in card


# A change of the settings, and what the card says then alone.
SAID: tuple[tuple[dict[str, Any], str], ...] = (
    ({"comparable": True}, "AP trains on the category that is out of domain for PRP, SA and SR"),
    ({"ranked_by_output": ["QPR"]}, "- Relevance in QPR: derived from the order of `output`"),
    ({"license": None}, "not named in the configuration"),
    ({"tasks": [{**TASK, "leakage": False}]}, "Not measured: no task has both training and test"),
    ({"tasks": [{**TASK, "classes": True}]}, "are letters: each means other options"),
)


@pytest.mark.parametrize(("changes", "words"), SAID)
def test_what_holds_for_some_studies_alone_is_said_of_them(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    write_reports(tmp_path)
    path = tmp_path / "descriptions/PM.json"
    write_json(path, read_json(path) | {"example": EXAMPLE | {"options": ["A: x", "B: y"]}})
    assert words not in render_card(TEMPLATE, tmp_path, settings())
    assert words in render_card(TEMPLATE, tmp_path, settings(**changes))


@pytest.mark.parametrize(
    ("text", "words"), [("{{ nmae }}", "'nmae' is undefined"), ("\n{% if %}", "line 2: ")]
)
def test_a_broken_template_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    write_reports(tmp_path)
    template = tmp_path / "card.md.jinja"
    template.write_text(text)
    with pytest.raises(InputError, match=f"card.md.jinja: .*{words}"):
        render_card(template, tmp_path, settings())


def test_options_of_all_records_stand_beside_the_answer_and_others_in_the_example(
    tmp_path: Path,
) -> None:
    options = ["A: good", "B: bad"]
    write_reports(tmp_path)
    path = tmp_path / "descriptions/PM.json"
    described = read_json(path) | {"answer": "choice"}
    described["example"]["options"] = options
    for common in (options, None):
        write_json(path, described | {"options": common})
        card = render_card(TEMPLATE, tmp_path, settings())
        assert ("Options of all records: A: good; B: bad." in card) == (common is not None)
        assert ("    A: good\n    B: bad\n" in card) == (common is None)
