from pathlib import Path
from typing import Any

from ecslm.tables.sources import Sources
from support.table_files import (
    IND,
    OOD,
    TASKS,
    request,
    scores,
    write_comparisons,
    write_metrics,
    write_over_seeds,
)

from ecslm.common.files import write_json
from ecslm.data.card.reports import Leakage, SettingLeakage
from ecslm.tables.kinds.instructions import build, files
from ecslm.tables.model import Interval, Table

UNSEEN = "IND_Unseen_Instruction"
ENTRY = {
    "kind": "instructions",
    "tasks": ["PM", "SA"],
    "columns": [
        {"title": "rewritten", "setting": IND},
        {"title": "held out", "setting": UNSEEN},
    ],
    "models": ["Small"],
}
MODELS = {"Small": {"seeds": [0], "tasks": ["PM", "SA"]}}


def write_leakage(results: Path, task: str, found: dict[str, str]) -> None:
    """A report that says this of the instructions of each setting."""
    counts = {"records": 4, "exact": 0, "exact_with_output": 0, "near": 0, "unseen_instructions": 0}
    settings = {
        setting: SettingLeakage.model_validate(
            {**counts, "instruction": label, "queries": None, "history_targets": None}
        )
        for setting, label in found.items()
    }
    report = Leakage(
        task=task, train_records=9, shingle_words=3, jaccard=0.8, settings=settings, pairs=()
    )
    write_json(results / f"leakage/{task}.json", report.model_dump(mode="json"))


def made(results: Path, entry: dict[str, Any] = ENTRY, **context: Any) -> Table:
    return build("instructions", request(entry, **{"models": MODELS, **context}), Sources(results))


def test_columns_say_what_the_data_says_whatever_the_setting_is_called(tmp_path: Path) -> None:
    for task in ("PM", "SA"):
        write_metrics(tmp_path, "Small", task, {IND: scores(0.5), UNSEEN: scores(0.4)})
        write_leakage(tmp_path, task, {IND: "unseen", UNSEEN: "seen"})
    table = made(tmp_path)
    (panel,) = table.panels
    assert [(head.text, head.detail) for head in panel.columns] == [
        ("n", ""),
        ("rewritten", "unseen"),
        ("held out", "seen"),
    ]
    rows = {row.name: [cell.shown for cell in row.cells] for row in panel.groups[0].rows}
    assert rows == {"PM": ["200", "0.500", "0.400"], "SA": ["200", "0.500", "0.400"]}
    assert panel.groups[0].rows[0].cells[2].sources == ("metrics/Small/seed-0/PM.json",)


def test_tasks_that_disagree_are_named(tmp_path: Path) -> None:
    for task, label in (("PM", "unseen"), ("SA", "seen")):
        write_metrics(tmp_path, "Small", task, {IND: scores(0.5), UNSEEN: scores(0.4)})
        write_leakage(tmp_path, task, {IND: "seen", UNSEEN: label})
    table = made(tmp_path)
    assert [head.detail for head in table.panels[0].columns] == ["", "seen", "mixed"]
    assert "held out: PM unseen, SA seen." in table.notes


def test_a_setting_that_a_task_lacks_is_missing_and_says_nothing(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.5), UNSEEN: scores(0.4)})
    write_leakage(tmp_path, "PM", {IND: "seen"})
    write_leakage(tmp_path, "SA", {IND: "seen", UNSEEN: "unseen"})
    (panel,) = made(tmp_path).panels
    assert [head.detail for head in panel.columns] == ["", "seen", "unseen"]
    assert [cell.shown for cell in panel.groups[0].rows[0].cells] == ["200", "0.500", "--"]


def test_each_number_of_records_is_that_of_its_column(tmp_path: Path) -> None:
    settings = {IND: scores(0.5), UNSEEN: scores(0.5), OOD: scores(0.4, n=180)}
    of_tasks = {"PM": settings, "SA": {IND: settings[IND], OOD: settings[OOD]}}
    for task, found in of_tasks.items():
        write_metrics(tmp_path, "Small", task, found)
        write_leakage(tmp_path, task, dict.fromkeys(settings, "seen"))
    columns = [{"title": setting, "setting": setting} for setting in settings]
    wanted = request(ENTRY | {"columns": columns}, models=MODELS)
    (panel,) = build("instructions", wanted, Sources(tmp_path)).panels
    assert [row.cells[0].shown for row in panel.groups[0].rows] == ["200/200/180", "200/--/180"]


def test_without_training_records_nothing_was_compared(tmp_path: Path) -> None:
    for task in ("PM", "SA"):
        write_metrics(tmp_path, "Small", task, {IND: scores(0.5), UNSEEN: scores(0.4)})
    tasks = {code: {**task, "train": False} for code, task in TASKS.items()}
    wanted = request(ENTRY, models=MODELS, tasks=tasks)
    assert files(wanted) == ["metrics/Small/seed-0/PM.json", "metrics/Small/seed-0/SA.json"]
    (panel,) = build("instructions", wanted, Sources(tmp_path)).panels
    assert {head.detail for head in panel.columns[1:]} == {"not compared"}


def test_each_model_has_a_panel_and_means_over_seeds_are_called_so(tmp_path: Path) -> None:
    models = {**MODELS, "Other": {"seeds": [0, 1], "tasks": ["PM", "SA"]}}
    for task in ("PM", "SA"):
        write_leakage(tmp_path, task, {IND: "seen", OOD: "seen"})
        for name, seed, value in (("Small", 0, 0.5), ("Other", 0, 0.2), ("Other", 1, 0.4)):
            by_setting = {IND: scores(value), UNSEEN: scores(value)}
            write_metrics(tmp_path, name, task, by_setting, seed=seed)
        write_over_seeds(tmp_path, "Other", task, {IND: 0.3, UNSEEN: 0.3})
    table = made(tmp_path, {**ENTRY, "models": ["Other", "Small"]}, models=models)
    assert [panel.title for panel in table.panels] == ["Other", "Small"]
    assert table.panels[0].groups[0].rows[0].cells[1].shown == "0.300"
    deviations = "standard deviations over seeds 0.141 to 0.141, median 0.141."
    assert f"Other: mean over 2 seeds; {deviations}" in table.notes


COMPARED = {"contrast": "wording", "a": UNSEEN, "b": IND, "setting": None, "model": "Small"}


def test_the_differences_of_a_contrast_stand_beside_the_scores(tmp_path: Path) -> None:
    for task in ("PM", "SA"):
        write_metrics(tmp_path, "Small", task, {IND: scores(0.5), UNSEEN: scores(0.4)})
        write_leakage(tmp_path, task, {IND: "seen", UNSEEN: "unseen"})
    other = {"contrast": "tuning", "difference": 0.3}
    write_comparisons(tmp_path, "PM", other, {**COMPARED, "difference": -0.1, "p_holm": 0.2})
    write_comparisons(tmp_path, "SA", {**COMPARED, "model": "Other"})
    wording = {"title": "Wording", "tasks": ["PM", "SA"]}
    table = made(tmp_path, {**ENTRY, "contrast": "wording"}, contrasts={"wording": wording})
    (panel,) = table.panels
    assert [(head.text, head.detail) for head in panel.columns][3:] == [
        ("Difference", "held out against rewritten")
    ]
    cells = {row.name: row.cells[3] for row in panel.groups[0].rows}
    assert cells["PM"].shown == "-0.100"
    assert cells["PM"].interval == Interval(0.05, 0.15)
    assert cells["PM"].marks == ()
    assert cells["PM"].sources == ("comparisons/PM.json",)
    assert cells["SA"].shown == "--"
    assert any(note.startswith("Difference: ") for note in table.notes)
