from pathlib import Path

from support.table_files import IND, OOD, request, scores, write_metrics

from ecslm.tables.kinds.validity import build
from ecslm.tables.sources import Sources

ENTRY = {"kind": "validity", "settings": [IND, OOD], "columns": ["PM", "SA"], "models": ["Small"]}


def test_invalid_and_truncated_shares_stand_beside_strict_and_lenient_scores(
    tmp_path: Path,
) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.4), OOD: scores(0.3, n_invalid=0)})
    models = {"Small": {"seeds": [0], "tasks": ["PM", "SA"]}}
    table = build("validity", request(ENTRY, models=models), Sources(tmp_path))
    shown = {
        (panel.title, row.detail): [cell.shown for cell in row.cells]
        for panel in table.panels
        for row in panel.groups[0].rows
    }
    assert shown == {
        (IND, "invalid, %"): ["5.0", "5.0"],
        (IND, "truncated, %"): ["2.0", "2.0"],
        (IND, "strict"): ["0.500", "0.400"],
        (IND, "lenient"): ["0.510", "0.410"],
        (OOD, "invalid, %"): ["0.0"],
        (OOD, "truncated, %"): ["2.0"],
        (OOD, "strict"): ["0.300"],
        (OOD, "lenient"): ["0.310"],
    }


def test_a_note_says_which_answers_could_not_be_invalid(tmp_path: Path) -> None:
    names = ("Small", "Small-constrained", "Other-constrained")
    for name in names:
        write_metrics(tmp_path, name, "PM", {IND: scores(0.5)})
    limits = {"limits": "constrained to valid answers"}
    models = {
        name: {"seeds": [0], "tasks": ["PM"]} | (limits if "-" in name else {}) for name in names
    }
    entry = ENTRY | {"models": list(names), "columns": ["PM"]}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert (
        "Small-constrained, Other-constrained: constrained to valid answers; by construction no "
        "answer is invalid."
    ) in table.notes
    assert not any("Small:" in note for note in table.notes)


def test_shares_are_over_the_answers_of_all_seeds(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, n_invalid=0)}, seed=1)
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, n_invalid=20)}, seed=2)
    entry = {**ENTRY, "columns": ["PM"]}
    models = {"Small": {"seeds": [1, 2], "tasks": ["PM"]}}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert table.panels[0].groups[0].rows[0].cells[0].shown == "5.0"


def test_a_setting_without_any_record_has_no_panel(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5)})
    entry = {**ENTRY, "columns": ["PM"]}
    models = {"Small": {"seeds": [0], "tasks": ["PM"]}}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert [panel.title for panel in table.panels] == [IND]
