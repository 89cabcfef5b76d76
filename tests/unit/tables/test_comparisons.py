"""Comparisons tables: differences, their tests, and when one is marked."""

from pathlib import Path
from typing import Any

from support.table_files import IND, OOD, built, cells, request, shown, write_comparisons

from ecslm.tables.kind import TableRequest
from ecslm.tables.model import Table

CONTRASTS = {"tuning": "Tuned against base", "domain": "Out of domain against in domain"}
UNSOUND = {"test": "bootstrap", "reliable": False}
OF_SETTINGS = {"contrast": "domain", "a": OOD, "b": IND, "setting": None, "model": "Small-EC"}
TITLES = {IND: "in domain", OOD: "out of domain"}


def asked(**context: Any) -> TableRequest:
    entry = {"kind": "comparisons", "contrasts": ["tuning", "domain"], "columns": ["PM", "SA"]}
    return request(entry, contrasts=CONTRASTS, **{"setting_titles": TITLES, **context})


def made(results: Path, pm: list[dict[str, Any]], sa: list[dict[str, Any]]) -> Table:
    """The table of the comparisons of two tasks: of models in IND, but for what these say."""
    for task, rows in (("PM", pm), ("SA", sa)):
        write_comparisons(results, task, *rows)
    return built(asked(), results)


def test_each_comparison_has_its_difference_both_p_values_and_its_records(tmp_path: Path) -> None:
    sa = {"difference": -0.02, "p": 0.4, "p_holm": 0.0504, "n": 1200}
    table = made(tmp_path, [{"p": 0.0004, "p_holm": 0.0496}], [sa])
    (panel,) = table.panels
    assert panel.title == panel.float_title == "Tuned against base: in domain"
    assert panel.groups[0].title == "Small-EC against Small"
    assert shown(table) == {
        # What is marked never looks like what is not.
        "PM": ["F1", "0.100", "<0.001", "<0.050", "200"],
        "SA": ["macro-F1", "-0.020", "0.400", "0.050", "1,200"],
    }
    found = {task: row["difference"].marks for task, row in cells(table).items()}
    assert found == {"PM": ("significant",), "SA": ()}
    assert cells(table)["PM"]["p"].sources == ("comparisons.parquet",)
    assert any("Holm's method is below 0.05" in note for note in table.notes)


def test_a_panel_has_the_rows_of_the_tasks_that_have_its_setting(tmp_path: Path) -> None:
    table = made(tmp_path, [{}, OF_SETTINGS], [{}, {"setting": OOD}])
    assert [(panel.title, [row.name for row in panel.rows]) for panel in table.panels] == [
        ("Tuned against base: in domain", ["PM", "SA"]),
        ("Tuned against base: out of domain", ["SA"]),
        # The settings are what the contrast is called by.
        ("Out of domain against in domain", ["PM"]),
    ]


def test_a_contrast_of_settings_has_a_group_a_model_and_the_records_of_both(tmp_path: Path) -> None:
    unpaired = {"test": "bootstrap", "paired": False, "n": 30, "seeds": [3, 3]}
    table = made(tmp_path, [], [OF_SETTINGS | unpaired])
    (panel,) = table.panels
    assert panel.groups[0].title == "Small-EC"
    assert shown(table)["SA"][-1] == "30/200"
    assert panel.notes == (
        "Out of domain against in domain, 6 tests: unpaired, centred bootstrap (SA).",
    )


def test_notes_say_which_test_was_made_where_and_what_has_no_partner(tmp_path: Path) -> None:
    simple = {"best_simple": True}
    pm = [{"unshared": 60, "n": 30, "b": "TF-IDF", **simple}, {"setting": OOD}]
    sa = [{"test": "mcnemar", "reliable": False, "b": "majority", "n": 1000, **simple}]
    table = made(tmp_path, pm, sa)
    (group,) = table.panels[0].groups
    assert group.title == "Small-EC against the best simple baseline"
    assert table.panels[0].notes == (
        "Tuned against base, 6 tests: paired randomisation test (PM); McNemar's exact test (SA).",
        "Tuned against base: best simple baseline by validation records: TF-IDF (PM); majority "
        "(SA).",
        "Tuned against base: PM is compared on 30 shared samples; 60 records have no partner.",
    )
    assert any(note.startswith("*: ") for note in table.notes)


def test_a_difference_is_marked_only_where_its_test_is_sound_whatever_was_drawn(
    tmp_path: Path,
) -> None:
    significant, undecided = (
        {"significant": None},
        {"undecided": "too few random exchanges to tell"},
    )
    for changes, expected in (
        ({}, significant),
        ({"p_holm": 0.05}, {}),
        (UNSOUND, {"few": "a test that is not exact is not valid with"}),
        ({"p_holm_interval": (0.001, 0.05)}, undecided),
        ({"p_holm": 0.06, "p_holm_interval": (0.04, 0.07)}, undecided),
        ({"p_holm": 0.06, "p_holm_interval": (0.051, 0.07)}, {}),
        ({"reliable": False, "test": "mcnemar"}, significant),
    ):
        table = made(tmp_path, [changes], [{"p_holm": 1.0}])
        assert cells(table)["PM"]["difference"].marks == tuple(expected)
        notes = [note for note in table.notes if note.startswith("Not marked")]
        reasons = [reason for reason in expected.values() if reason]
        assert len(notes) == len(reasons)
        assert all(reason in note and ", PM: " in note for note in notes for reason in reasons)


def test_an_undefined_difference_is_missing(tmp_path: Path) -> None:
    fields = ("difference", "ci95", "test", "p", "p_holm")
    table = made(tmp_path, [dict.fromkeys(fields)], [])
    assert shown(table)["PM"] == ["F1", "--", "--", "--", "200"]
    assert "Tuned against base, 6 tests: none." in table.panels[0].notes


def test_a_contrast_that_compares_nothing_is_named(tmp_path: Path) -> None:
    table = made(tmp_path, [{}], [])
    assert table.notes[-2].endswith("have no answers: Out of domain against in domain.")
