"""The data card: what it says of the reports."""

from pathlib import Path
from typing import Any

import pytest
from support.project import ROOT
from support.raw_rows import IND

from ecslm.common.files import write_json
from ecslm.data.card import CardSettings, render_card

TEMPLATE = ROOT / "report/data_card.md.jinja"
LENGTHS = {"min": 5, "p50": 10, "p95": 20, "p99": 25, "max": 30}
DESCRIBED: dict[str, Any] = {"records": 4, "instructions": 2, "labels": {"no": 3, "yes": 1}}
DESCRIBED |= {"room": 24, "prompt_tokens": LENGTHS, "answer_tokens": LENGTHS, "truncated": 1}
OVERLAP = {"records": 4, "exact": 1, "exact_with_output": 0, "near": 2, "instruction": "unseen"}
EXAMPLE = {"instruction": "Same?", "input": "# a\n* b", "options": None, "output": "yes"}
OPTIONS = ["A: good", "B: bad"]


def card(folder: Path, check: Any = (), described: Any = (), **changes: Any) -> str:
    """The card of reports and settings with some changes."""
    report = {"files": {"shop.jsonl": "0" * 64}, "problems": {}, "dropped": 0, "elsewhere": 0}
    report |= {"tasks": {"PM": {"test": {IND: {"rows": 6, "records": 4}}}}, "differing": []}
    write_json(folder / "data_check.json", report | dict(check))
    description = {"task": "PM", "answer": "yes_no", "tokenizer": "Tiny", "options": None}
    description |= {"example": EXAMPLE, "splits": {"test": {IND: DESCRIBED}}}
    write_json(folder / "descriptions/PM.json", description | dict(described))
    overlap = OVERLAP | {"queries": {"records": 4, "shared": 3}, "history_targets": None}
    leakage = {"task": "PM", "shingle_words": 3, "jaccard": 0.8, "pairs": []}
    write_json(folder / "leakage/PM.json", leakage | {"settings": {IND: overlap}})
    fields = {"study": "shop", "title": "A shop", "source": "shop.jsonl", "license": "CC-BY-4.0"}
    fields |= {"comparable": False, "ranked_by_output": [], "template": "chatml"}
    fields |= {
        "tolerated": ["bad_output"],
        "tasks": [["PM", "Product Matching"]],
        "compared": ["PM"],
    }
    return render_card(TEMPLATE, folder, CardSettings.model_validate(fields | changes))


def test_the_card_says_what_the_reports_say(tmp_path: Path) -> None:
    text = card(tmp_path)
    rows = [line for line in text.splitlines() if line.startswith("|") and IND in line]
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows] == [
        ["PM", "test", IND, "6", "2", "4", "2"],
        ["PM", "test", IND, "no 75.0 % (3), yes 25.0 % (1)"],
        ["PM", "test", IND, "5", "10", "20", "25", "30", "10", "20", "30", "24", "1"],
        ["PM", IND, "4", "1", "0", "2", "unseen", "3 of 4", "--"],
    ]
    assert text.startswith('---\npretty_name: "A shop"\nlicense: "cc-by-4.0"\n---\n')
    assert f"- File: `shop.jsonl`, sha256 `{'0' * 64}`" in text
    assert "None: every row of the source was checked." in text
    # Nothing in an example is Markdown.
    assert "### PM: Product Matching\n\nAnswer: yes or no.\n" in text
    assert "\n    Same?\n\n    # a\n    * b\n\nRight answer:\n\n    yes\n" in text


# Changes of the reports or settings, and what the card says then alone.
BAD = {"bad_output": {"count": 2, "first": ["line 3: output: 'a|b'", "line 4"]}}
DROPPED = {"problems": BAD, "dropped": 2, "elsewhere": 1, "differing": ["PM: 6 rows"]}
CHOICE = {"answer": "choice", "example": EXAMPLE | {"options": OPTIONS}}
SAID: tuple[tuple[dict[str, Any], str], ...] = (
    ({"comparable": True}, "AP trains on the category that is out of domain for PRP, SA and SR"),
    ({"ranked_by_output": ["QPR"]}, "- Relevance in QPR: derived from the order of `output`"),
    ({"license": None}, "not named in the configuration"),
    ({"compared": []}, "Not measured: no task has both training and test"),
    ({"check": DROPPED}, "tolerates bad_output: 2 rows, 1 of them without a known task"),
    ({"check": DROPPED}, "| bad_output | 2 | line 3: output: 'a\\|b' |"),
    ({"check": DROPPED}, "Counts other than the published ones: 1; for example PM: 6 rows."),
    ({"described": CHOICE | {"options": OPTIONS}}, "Options of all records: A: good; B: bad."),
    ({"described": CHOICE}, "    A: good\n    B: bad\n"),
)


@pytest.mark.parametrize(("changes", "words"), SAID)
def test_what_holds_for_some_studies_alone_is_said_of_them(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words not in card(tmp_path)
    assert words in card(tmp_path, **changes)
