from pathlib import Path
from typing import Any

import pytest
from support.table_files import IND, OOD, request, write_comparisons

from ecslm.common.errors import InputError
from ecslm.tables.kinds.comparisons import build, files
from ecslm.tables.model import Table
from ecslm.tables.sources import Sources

ENTRY = {"kind": "comparisons", "contrasts": ["tuning", "domain"], "columns": ["PM", "SA"]}
CONTRASTS = {
    "tuning": {"title": "Tuned against base", "tasks": ["PM", "SA"]},
    "domain": {"title": "Out of domain against in domain", "tasks": ["PM", "SA"]},
}
OF_SETTINGS = {"contrast": "domain", "a": OOD, "b": IND, "setting": None, "model": "Small-EC"}


def made(results: Path, entry: dict[str, Any] = ENTRY) -> Table:
    wanted = request(entry, contrasts=CONTRASTS)
    assert files(wanted) == ["comparisons/PM.json", "comparisons/SA.json"]
    return build("comparisons", wanted, Sources(results))


def test_each_comparison_has_its_difference_both_p_values_and_its_records(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"p": 0.0004, "p_holm": 0.0491})
    write_comparisons(tmp_path, "SA", {"difference": -0.02, "p": 0.4, "p_holm": 1.0, "n": 1200})
    (panel,) = made(tmp_path).panels
    assert panel.title == f"Tuned against base: {IND}"
    rows = panel.groups[0].rows
    assert {row.detail: [cell.shown for cell in row.cells] for row in rows} == {
        "difference": ["0.100", "-0.020"],
        "p": ["<0.001", "0.400"],
        "p, Holm": ["0.049", "1.000"],
        "records": ["200", "1200"],
    }
    assert [cell.marks for cell in rows[0].cells] == [("significant",), ()]
    assert rows[1].cells[0].value == 0.0004
    assert rows[1].cells[0].sources == ("comparisons/PM.json",)
    assert panel.groups[0].title == "Small-EC against Small"


def test_a_panel_has_the_columns_of_the_tasks_that_have_its_setting(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {})
    write_comparisons(tmp_path, "SA", {}, {"setting": OOD})
    panels = made(tmp_path).panels
    assert [(panel.title, [head.key for head in panel.columns]) for panel in panels] == [
        (f"Tuned against base: {IND}", ["PM", "SA"]),
        (f"Tuned against base: {OOD}", ["SA"]),
    ]


def test_a_contrast_of_settings_names_both_settings_and_has_a_row_a_model(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM")
    unpaired = {"test": "bootstrap", "paired": False, "n": 30, "seeds": [3, 3]}
    write_comparisons(tmp_path, "SA", OF_SETTINGS | unpaired)
    table = made(tmp_path)
    (panel,) = table.panels
    assert panel.title == f"Out of domain against in domain: {OOD} against {IND}"
    assert panel.groups[0].title == "Small-EC"
    assert [cell.shown for cell in panel.groups[0].rows[-1].cells] == ["30/200"]
    assert (
        "Out of domain against in domain, 6 tests: unpaired, centred bootstrap (SA)." in table.notes
    )
    assert any("about these adapters" in note for note in table.notes)


def test_notes_say_which_test_was_made_where_and_what_has_no_partner(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"unshared": 60, "n": 30}, {"setting": OOD})
    write_comparisons(tmp_path, "SA", {"test": "mcnemar", "reliable": False})
    notes = made(tmp_path).notes
    tests = "paired randomisation test (PM); McNemar's exact test (SA)"
    assert f"Tuned against base, 6 tests: {tests}." in notes
    partly = "PM is compared on 30 shared samples; 60 records have no partner."
    assert f"Tuned against base: {partly}" in notes
    assert any("Holm's method is below 0.05" in note for note in notes)
    assert any(note.startswith("*: ") for note in notes)


@pytest.mark.parametrize(
    ("test", "marks"), [("bootstrap", ()), ("newcombe", ()), ("mcnemar", ("significant",))]
)
def test_with_too_few_records_only_exact_tests_are_marked(
    tmp_path: Path, test: str, marks: tuple[str, ...]
) -> None:
    write_comparisons(tmp_path, "PM", {"p_holm": 0.001, "reliable": False, "test": test})
    write_comparisons(tmp_path, "SA")
    (cell,) = made(tmp_path).panels[0].groups[0].rows[0].cells
    assert cell.marks == marks


def test_a_score_that_is_not_defined_gives_no_difference(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("value_a", "difference", "ci95", "test", "p", "p_holm"))
    write_comparisons(tmp_path, "PM", {**nothing, "reliable": False})
    write_comparisons(tmp_path, "SA")
    (panel,) = made(tmp_path).panels
    shown = [row.cells[0].shown for row in panel.groups[0].rows]
    assert shown == ["--", "--", "--", "200"]


def test_contrasts_that_compare_nothing_in_the_tables_tasks_are_an_error(tmp_path: Path) -> None:
    for task in ("PM", "SA"):
        write_comparisons(tmp_path, task)
    with pytest.raises(InputError, match="comparisons: tuning, domain compare nothing in PM, SA"):
        made(tmp_path)


def test_tasks_in_which_nothing_is_compared_are_left_out(tmp_path: Path) -> None:
    """They have no file: all of their models are not run, for example."""
    write_comparisons(tmp_path, "SA", {})
    some = {**CONTRASTS, "tuning": CONTRASTS["tuning"] | {"tasks": ["SA"]}}
    some["domain"] = CONTRASTS["domain"] | {"tasks": []}
    wanted = request(ENTRY, contrasts=some)
    assert files(wanted) == ["comparisons/SA.json"]
    (panel,) = build("comparisons", wanted, Sources(tmp_path)).panels
    assert [head.key for head in panel.columns] == ["SA"]


def test_broken_comparisons_are_named_with_their_field(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"p": "small"})
    write_comparisons(tmp_path, "SA")
    with pytest.raises(InputError, match=r"comparisons/PM\.json: 0\.p: "):
        made(tmp_path)
