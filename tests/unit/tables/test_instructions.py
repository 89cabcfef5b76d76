"""Instructions tables: scores and differences under instructions that training has or lacks."""

from pathlib import Path
from typing import Any

from support import table_files as files
from support.table_files import IND, OOD, TASKS, built, cells, request, scores, shown

from ecslm.tables.kind import TableRequest
from ecslm.tables.model import Interval

UNSEEN = "IND_Unseen_Instruction"
TWO = {code: TASKS[code] for code in ("PM", "SA")}
BOTH = {IND: scores(0.5), UNSEEN: scores(0.4)}


def asked(*settings: str, models: Any = None, contrast: str | None = None) -> TableRequest:
    columns = [{"title": one[:8], "setting": one} for one in settings or BOTH]
    models = models or {"Small": {"tasks": ["PM", "SA"]}}
    entry = {"kind": "instructions", "tasks": ["PM", "SA"], "columns": columns, "models": [*models]}
    contrasts = {"wording": "Wording"}
    wanted = entry | {"contrast": contrast}
    return request(wanted, models=models, tasks=TWO, contrasts=contrasts)


def write(results: Path, task: str, found: dict[str, Any]) -> None:
    """A task's scores, and no comparisons."""
    files.write_metrics(results, "Small", task, found)
    files.write_comparisons(results, task)


def test_each_setting_has_a_column_and_numbers_of_records_are_told(tmp_path: Path) -> None:
    other = {OOD: scores(0.4, n=180)}
    write(tmp_path, "PM", BOTH | other)
    write(tmp_path, "SA", {IND: scores(0.5)})
    table = built(asked(IND, UNSEEN, OOD), tmp_path)
    assert [head.text for head in table.panels[0].columns] == [
        "n",
        "IND_Dive",
        "IND_Unse",
        "OOD_Dive",
    ]
    assert shown(table) == {
        "PM": ["200/180", "0.500", "0.400", "0.400"],
        "SA": ["200", "0.500", "--", "--"],
    }
    assert cells(table)["PM"][UNSEEN].sources == ("metrics/Small/seed-0/PM.json",)


def test_each_model_has_a_panel_and_means_over_seeds_are_called_so(tmp_path: Path) -> None:
    models = {"Other": {"seeds": [0, 1], "tasks": ["PM", "SA"]}, "Small": {"tasks": ["PM", "SA"]}}
    for task in TWO:
        write(tmp_path, task, BOTH)
        for seed, value in ((0, 0.2), (1, 0.4)):
            found = dict.fromkeys(BOTH, scores(value))
            files.write_metrics(tmp_path, "Other", task, found, seed=seed)
        files.write_over_seeds(tmp_path, "Other", task, dict.fromkeys(BOTH, 0.3))
    table = built(asked(models=models), tmp_path)
    assert [panel.title for panel in table.panels] == ["Other", "Small"]
    assert table.panels[0].groups[0].rows[0].cells[1].shown == "0.300"
    deviations = "standard deviations over seeds 0.141 to 0.141, median 0.141."
    assert f"Other: mean over 2 seeds; {deviations}" in table.notes


def test_the_differences_of_a_contrast_stand_beside_the_scores(tmp_path: Path) -> None:
    for task in TWO:
        write(tmp_path, task, BOTH)
        files.write_metrics(tmp_path, "Other", task, BOTH)
    compared = {"contrast": "wording", "a": UNSEEN, "b": IND, "setting": None, "model": "Small"}
    difference = {**compared, "difference": -0.1, "p_holm": 0.2}
    files.write_comparisons(tmp_path, "PM", {"contrast": "tuning", "difference": 0.3}, difference)
    rows = {**compared, "model": "Other"}, {**compared, "a": OOD, "model": "None"}
    files.write_comparisons(tmp_path, "SA", *rows)
    models = {name: {"tasks": ["PM", "SA"]} for name in ("Small", "Other")}
    table = built(asked(models=models, contrast="wording"), tmp_path)
    *_, head = table.panels[0].columns
    assert len(table.panels[0].columns) == 4, "none of a model without a panel"
    assert (head.text, head.detail) == ("Difference", "IND_Unse against IND_Dive")
    small, other = ([row.cells[-1] for row in panel.rows] for panel in table.panels)
    assert [cell.shown for cell in (*small, *other)] == ["-0.100", "--", "--", "0.100"]
    assert (small[0].interval, small[0].marks) == (Interval(0.05, 0.15), ())
    assert small[0].sources == ("comparisons.parquet",)
    assert any(note.startswith("Difference: ") for note in table.notes)
