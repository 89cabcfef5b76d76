from pathlib import Path
from typing import Any

import pytest
from ecslm.tables.sources import Sources
from support.table_files import IND, OOD, request, write_comparisons

from ecslm.common.errors import InputError
from ecslm.tables.kinds.comparisons import KIND, build
from ecslm.tables.model import Table

ENTRY = {"kind": "comparisons", "contrasts": ["tuning", "domain"], "columns": ["PM", "SA"]}
CONTRASTS = {
    "tuning": {"title": "Tuned against base", "tasks": ["PM", "SA"]},
    "domain": {"title": "Out of domain against in domain", "tasks": ["PM", "SA"]},
}
UNSOUND = {"test": "bootstrap", "reliable": False}
OF_SETTINGS = {"contrast": "domain", "a": OOD, "b": IND, "setting": None, "model": "Small-EC"}


def made(results: Path, entry: dict[str, Any] = ENTRY) -> Table:
    wanted = request(entry, contrasts=CONTRASTS)
    assert list(KIND.files(wanted)) == ["comparisons/PM.json", "comparisons/SA.json"]
    return build("comparisons", wanted, Sources(results))


def shown(table: Table, panel: int = 0, group: int = 0) -> dict[str, list[str]]:
    rows = table.panels[panel].groups[group].rows
    return {row.name: [cell.shown for cell in row.cells] for row in rows}


def test_each_comparison_has_its_difference_both_p_values_and_its_records(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"p": 0.0004, "p_holm": 0.0491})
    write_comparisons(tmp_path, "SA", {"difference": -0.02, "p": 0.4, "p_holm": 1.0, "n": 1200})
    table = made(tmp_path)
    (panel,) = table.panels
    assert panel.title == panel.float_title == f"Tuned against base: {IND}"
    assert [(head.text, head.detail) for head in panel.columns][1:] == [
        *(("Difference", ""), ("p", ""), ("p", "Holm"), ("n", "")),
    ]
    assert shown(table) == {
        "PM": ["F1", "0.100", "<0.001", "0.049", "200"],
        "SA": ["macro-F1", "-0.020", "0.400", "1.000", "1,200"],
    }
    first, second = panel.groups[0].rows
    assert (first.cells[1].marks, second.cells[1].marks) == (("significant",), ())
    assert first.cells[2].value == 0.0004
    assert first.cells[2].sources == ("comparisons/PM.json",)
    assert panel.groups[0].title == "Small-EC against Small"


def test_a_p_that_is_marked_is_never_rounded_to_one_that_is_not(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"p": 0.01, "p_holm": 0.0496})
    write_comparisons(tmp_path, "SA", {"p": 0.01, "p_holm": 0.0504})
    table = made(tmp_path)
    assert [shown(table)[task][3] for task in ("PM", "SA")] == ["<0.050", "0.050"]
    marks = [row.cells[1].marks for row in table.panels[0].groups[0].rows]
    assert marks == [("significant",), ()]


def test_a_panel_has_the_rows_of_the_tasks_that_have_its_setting(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {})
    write_comparisons(tmp_path, "SA", {}, {"setting": OOD})
    table = made(tmp_path)
    assert [panel.title for panel in table.panels] == [
        f"Tuned against base: {IND}",
        f"Tuned against base: {OOD}",
    ]
    assert [list(shown(table, panel)) for panel in (0, 1)] == [["PM", "SA"], ["SA"]]


def test_settings_are_called_by_their_titles(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {}, OF_SETTINGS)
    write_comparisons(tmp_path, "SA")
    titles = {IND: "in domain", OOD: "out of domain"}
    wanted = request(ENTRY, contrasts=CONTRASTS, setting_titles=titles)
    assert [panel.title for panel in build("c", wanted, Sources(tmp_path)).panels] == [
        "Tuned against base: in domain",
        # The settings are what the contrast is called by.
        "Out of domain against in domain",
    ]


def test_a_contrast_of_settings_names_both_settings_and_has_a_group_a_model(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM")
    unpaired = {"test": "bootstrap", "paired": False, "n": 30, "seeds": [3, 3]}
    write_comparisons(tmp_path, "SA", OF_SETTINGS | unpaired)
    table = made(tmp_path)
    (panel,) = table.panels
    assert panel.title == f"Out of domain against in domain: {OOD} against {IND}"
    assert panel.groups[0].title == "Small-EC"
    assert shown(table)["SA"][-1] == "30/200"
    assert panel.notes == (
        "Out of domain against in domain, 6 tests: unpaired, centred bootstrap (SA).",
    )
    assert any("for these adapters" in note for note in table.notes)


def test_notes_say_which_test_was_made_where_and_what_has_no_partner(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"unshared": 60, "n": 30}, {"setting": OOD})
    write_comparisons(tmp_path, "SA", {"test": "mcnemar", "reliable": False})
    table = made(tmp_path)
    assert table.panels[0].notes == (
        "Tuned against base, 6 tests: paired randomisation test (PM); McNemar's exact test (SA).",
        "Tuned against base: PM is compared on 30 shared samples; 60 records have no partner.",
    )
    assert table.panels[1].notes == (
        "Tuned against base, 6 tests: paired randomisation test (PM).",
    )
    assert any("Holm's method is below 0.05" in note for note in table.notes)
    assert any(note.startswith("*: ") for note in table.notes)


def test_a_model_and_the_best_simple_baseline_of_each_task_are_one_group(tmp_path: Path) -> None:
    for task, name in (("PM", "TF-IDF"), ("SA", "majority")):
        write_comparisons(tmp_path, task, {"b": name, "best_simple": True})
    (panel,) = made(tmp_path).panels
    (group,) = panel.groups
    assert group.title == "Small-EC against the best simple baseline"
    assert panel.notes[1] == (
        "Tuned against base: best simple baseline by validation records: TF-IDF (PM); majority "
        "(SA)."
    )


def test_the_notes_say_which_difference_a_test_can_find(tmp_path: Path) -> None:
    write_comparisons(tmp_path, "PM", {"n": 40})
    write_comparisons(tmp_path, "SA", {"n": 1000})
    (note,) = (note for note in made(tmp_path).notes if note.startswith("Smallest difference"))
    assert "0.198 with 40, 0.040 with 1,000 records" in note


@pytest.mark.parametrize(
    ("changes", "marks", "reason"),
    [
        ({}, ("significant",), None),
        ({"p_holm": 0.05}, (), None),
        (UNSOUND, ("few",), "so few that decide"),
        ({"p_holm_interval": (0.001, 0.049)}, ("significant",), None),
        ({"p_holm_interval": (0.001, 0.05)}, ("undecided",), "too few random exchanges to tell"),
        ({"p_holm": 0.06, "p_holm_interval": (0.04, 0.07)}, ("undecided",), "too few random"),
        ({"p_holm": 0.06, "p_holm_interval": (0.051, 0.07)}, (), None),
        ({**UNSOUND, "p_holm_interval": (0.001, 0.05)}, ("few",), "so few that decide"),
        ({"reliable": False}, ("significant",), None),
    ],
)
def test_a_mark_needs_a_valid_test_and_does_not_hang_on_the_luck_of_draws(
    tmp_path: Path, changes: dict[str, Any], marks: tuple[str, ...], reason: str | None
) -> None:
    write_comparisons(tmp_path, "PM", {"p_holm": 0.03, **changes})
    write_comparisons(tmp_path, "SA")
    table = made(tmp_path)
    assert table.panels[0].groups[0].rows[0].cells[1].marks == marks
    unmarked = [note for note in table.notes if note.startswith("Not marked although")]
    assert len(unmarked) == (reason is not None)
    assert all(", PM: " in note and str(reason) in note for note in unmarked)


def test_a_score_that_is_not_defined_gives_no_difference(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("value_a", "difference", "ci95", "test", "p", "p_holm"))
    write_comparisons(tmp_path, "PM", {**nothing, "reliable": False})
    write_comparisons(tmp_path, "SA")
    assert shown(made(tmp_path))["PM"] == ["F1", "--", "--", "--", "200"]


def test_contrasts_that_compare_nothing_in_the_tables_tasks_are_an_error(tmp_path: Path) -> None:
    for task in ("PM", "SA"):
        write_comparisons(tmp_path, task)
    with pytest.raises(InputError, match="comparisons: tuning, domain compare nothing in PM, SA"):
        made(tmp_path)
