from pathlib import Path
from typing import Any

import pytest
from ecslm.tables.sources import Sources
from pydantic import ValidationError
from support.project import ROOT
from support.table_files import (
    IND,
    OOD,
    request,
    scores,
    write_metrics,
    write_over_seeds,
    write_published,
)

from ecslm.tables.kinds.reproduction import build
from ecslm.tables.model import Interval, Table
from ecslm.tables.notes import JOINT

AUTHORS = "Small-EC-authors"
NOTES = ROOT / "resources/published/notes.csv"


def built(
    tmp_path: Path, model: str = "Small-EC", seeds: tuple[int, ...] = (0,), **more: Any
) -> Table:
    entry = {
        "kind": "reproduction",
        "settings": {IND: "IND", OOD: "OOD"},
        "columns": ["AVE", "PM", "SA", "AG"],
        "models": [model],
        "reproduces": more.pop("reproduces", {}),
    }
    models = {model: {"seeds": seeds, "tasks": ["AVE", "PM", "SA", "AG"]}}
    for seed in seeds:
        write_metrics(tmp_path, model, "AVE", {IND: scores(0.43), OOD: scores(0.3)}, seed)
        write_metrics(tmp_path, model, "PM", {IND: scores(0.74)}, seed)
        write_metrics(tmp_path, model, "SA", {IND: scores(0.60), OOD: scores(0.5)}, seed)
        write_metrics(tmp_path, model, "AG", {IND: scores(0.85), OOD: scores(0.8)}, seed)
    if len(seeds) > 1:
        for task, ood in (("AVE", 0.3), ("PM", None), ("SA", 0.5), ("AG", 0.8)):
            of_ood = {} if ood is None else {OOD: ood}
            write_over_seeds(tmp_path, model, task, {IND: 0.74} | of_ood)
    sources = Sources(tmp_path, {"published": write_published(tmp_path), "notes": NOTES})
    return build("reproduction", request(entry, models=models, **more), sources)


def shown(table: Table, group: int = 0) -> dict[str, list[str]]:
    rows = table.panels[0].groups[group].rows
    return {row.name: [cell.shown for cell in row.cells] for row in rows}


def test_each_published_value_stands_beside_ours_with_a_verdict(tmp_path: Path) -> None:
    table = built(tmp_path)
    rows = shown(table)
    heads = [(column.text, column.detail) for column in table.panels[0].columns]
    assert heads[3:5] == [("Ours", "released"), ("Ours", "released 2024")]
    assert rows["PM"] == ["F1", "200", "0.720", "0.742", "1.480", "0.022", "0.740", "inside"]
    assert rows["SA"][2:] == ["0.516", "0.602", "1.200", "0.086", "0.600", "outside"]
    assert table.panels[0].groups[0].rows[1].cells[6].interval == Interval(0.71, 0.77)


@pytest.mark.parametrize(("printed", "verdict"), [("0.706", "outside"), ("0.71", "inside")])
def test_a_published_value_is_inside_if_it_was_before_it_was_rounded(
    printed: str, verdict: str, tmp_path: Path
) -> None:
    built(tmp_path)
    path = tmp_path / "study.csv"
    path.write_text(f"table,model,doubled,PM\nIND,Small-EC,,{printed}\n")
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7442)})
    entry = {"kind": "reproduction", "settings": {IND: "IND"}, "columns": ["PM"]}
    models = {"Small-EC": {"seeds": [0], "tasks": ["PM"]}}
    wanted = request(entry | {"models": ["Small-EC"]}, models=models)
    # The interval begins at 0.7142.
    table = build("reproduction", wanted, Sources(tmp_path, {"published": path}))
    assert shown(table)["PM"][-1] == verdict


def test_a_doubled_value_is_compared_as_doubled_and_gets_no_verdict(tmp_path: Path) -> None:
    table = built(tmp_path)
    assert shown(table)["AVE"][2:6] == ["0.858", "0.432", "0.860", "0.002"]
    assert shown(table)["AVE"][-1] == "--"
    cells = table.panels[0].groups[0].rows[0].cells
    assert cells[2].marks == cells[4].marks == ("doubled",)
    assert cells[3].marks == ()
    assert any("twice the recall" in note for note in table.notes)
    (released,) = (note for note in table.notes if note.startswith("n: our test records, from"))
    assert "as often as the answer repeats it" in released


def test_an_unpublished_cell_prints_missing_and_keeps_ours(tmp_path: Path) -> None:
    assert shown(built(tmp_path))["AG"][2:6] == ["--", "0.852", "1.700", "--"]


def test_a_task_neither_published_nor_measured_has_no_row(tmp_path: Path) -> None:
    assert list(shown(built(tmp_path), group=1)) == ["AVE", "SA", "AG"]


def test_other_data_gets_no_difference_and_no_verdict(tmp_path: Path) -> None:
    table = built(tmp_path, data={"source": "a shop", "comparable": False})
    for row in shown(table).values():
        assert (row[5], row[-1]) == ("--", "--")
    assert any("measured on other data" in note for note in table.notes)


def test_several_seeds_are_judged_by_the_interval_of_their_mean(tmp_path: Path) -> None:
    table = built(tmp_path, seeds=(1, 2))
    assert shown(table)["PM"][-1] == "inside"
    assert table.panels[0].groups[0].rows[1].cells[6].interval == Interval(0.72, 0.76)
    assert {"Small-EC: mean over 2 seeds.", JOINT} <= set(table.notes)
    assert JOINT not in built(tmp_path).notes


def rescored(
    tmp_path: Path,
    models: list[str],
    comparable: bool = True,
    columns: tuple[str, ...] = ("AVE", "PM"),
) -> Table:
    """A table with the authors' own answers."""
    known = {name: {"seeds": [0], "tasks": ["AVE", "PM"]} for name in [*models, AUTHORS]}
    for name, value in [*((name, 0.74) for name in models), (AUTHORS, 0.718)]:
        write_metrics(tmp_path, name, "PM", {IND: scores(value)})
        write_metrics(tmp_path, name, "AVE", {IND: scores(0.429), OOD: scores(0.33)})
    entry = {"kind": "reproduction", "settings": {IND: "IND"}, "columns": columns}
    entry |= {"models": models, "rescored": {AUTHORS: "Small-EC"}}
    data = {"source": "a shop", "comparable": comparable}
    wanted = request(entry, models=known, data=data)
    return build("r", wanted, Sources(tmp_path, {"published": write_published(tmp_path)}))


def test_what_the_authors_answers_score_stands_beside_ours(tmp_path: Path) -> None:
    table = rescored(tmp_path, ["Small-EC"])
    heads = [(column.text, column.detail) for column in table.panels[0].columns]
    assert heads[-3:-1] == [
        ("Authors' answers", "released"),
        ("Authors' answers", "released 2024"),
    ]
    (group,) = table.panels[0].groups
    assert group.title == f"Small-EC and the published Small-EC, {IND}"
    assert shown(table)["PM"][2:6] == ["0.720", "0.742", "1.480", "0.022"]
    assert shown(table)["PM"][-3:] == ["0.720", "1.436", "0.000"]
    cells = group.rows[1].cells
    assert cells[-2].sources == (f"metrics/{AUTHORS}/seed-0/PM.json",)


def test_without_extraction_the_scorer_of_2024_has_no_column(tmp_path: Path) -> None:
    table = rescored(tmp_path, ["Small-EC"], columns=("PM",))
    heads = [column.detail for column in table.panels[0].columns]
    assert heads.count("released") == 2
    assert "released 2024" not in heads
    assert shown(table)["PM"][-2:] == ["0.720", "0.000"]
    assert not any("2024" in note for note in table.notes)


def test_a_doubled_value_is_rescored_as_doubled(tmp_path: Path) -> None:
    table = rescored(tmp_path, ["Small-EC"])
    assert shown(table)["AVE"][-2:] == ["0.858", "0.000"]
    assert table.panels[0].groups[0].rows[0].cells[-2].marks == ("doubled",)


def test_the_authors_answers_alone_need_no_columns_of_ours(tmp_path: Path) -> None:
    table = rescored(tmp_path, [])
    assert table.panels[0].groups[0].title == f"{AUTHORS} and the published Small-EC, {IND}"
    assert shown(table)["PM"] == ["F1", "200", "0.720", "0.720", "1.436", "0.000"]
    assert not any("our strict value" in note for note in table.notes)
    assert any(note.startswith("Authors' answers: ") for note in table.notes)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "needs `models`, `rescored` or both"),
        ({"rescored": {"A": "Small-EC", "B": "Small-EC"}}, "rescored: Small-EC has two models"),
    ],
)
def test_a_table_without_rows_or_with_two_for_one_is_refused(
    entry: dict[str, Any], words: str
) -> None:
    whole = {"kind": "reproduction", "settings": {IND: "IND"}, "columns": ["PM"], **entry}
    with pytest.raises(ValidationError, match=words):
        request(whole)


@pytest.mark.parametrize(("reproduces", "groups"), [({}, 0), ({"Mine": "Small-EC"}, 2)])
def test_a_model_reproduces_the_row_of_its_name_or_the_one_configured(
    tmp_path: Path, reproduces: dict[str, str], groups: int
) -> None:
    table = built(tmp_path, model="Mine", reproduces=reproduces)
    assert len(table.panels[0].groups) == groups
    assert ("No results were published for: Mine." in table.notes) is (groups == 0)
