"""Reproduction tables: each published value beside ours and the authors' own answers."""

from pathlib import Path
from typing import Any

from support import table_files as files
from support.project import ROOT
from support.table_files import IND, OOD, request, scores, write_metrics, write_over_seeds

from ecslm.tables.model import Interval, Table
from ecslm.tables.notes import JOINT

AUTHORS = "Small-EC-authors"
NOTES = ROOT / "resources/published/notes.csv"
TASKS = ["AVE", "PM", "SA", "AG"]
OURS = {
    "AVE": {IND: scores(0.43), OOD: scores(0.3)},
    # Published is 0.720, which may be 0.7205 that was rounded.
    "PM": {IND: scores(0.7503)},
    "SA": {IND: scores(0.60), OOD: scores(0.5)},
    "AG": {IND: scores(0.85), OOD: scores(0.8)},
}


def made(results: Path, seeds: tuple[int, ...] = (0,), **changes: Any) -> Table:
    """A table of Small-EC and of the authors' answers, unless the changes of its entry say so."""
    entry: dict[str, Any] = {"kind": "reproduction", "settings": {IND: "IND", OOD: "OOD"}}
    entry |= {"columns": TASKS, "models": ["Small-EC"]}
    context = {key: changes.pop(key) for key in ("data",) if key in changes}
    entry |= changes
    names = [*entry["models"], *entry.get("rescored", ())]
    models = {name: {"seeds": seeds, "tasks": TASKS} for name in names}
    for name in names:
        for task, found in OURS.items():
            for seed in seeds:
                write_metrics(results, name, task, found, seed)
            write_over_seeds(results, name, task, dict.fromkeys(found, 0.74))
    write_metrics(results, AUTHORS, "PM", {IND: scores(0.718)})
    write_metrics(results, AUTHORS, "AVE", {IND: scores(0.429)})
    wanted = request(entry, models=models, **context)
    files.write_published(results)
    return files.built(wanted, results, notes=NOTES)


def shown(table: Table, group: int = 0) -> dict[str, list[str]]:
    rows = table.panels[0].groups[group].rows
    return {row.name: [cell.shown for cell in row.cells] for row in rows}


def test_each_published_value_stands_beside_ours_with_a_verdict(tmp_path: Path) -> None:
    table = made(tmp_path)
    heads = [(head.text, head.detail) for head in table.panels[0].columns]
    assert heads[3:5] == [("Ours", "released"), ("Ours", "released 2024")]
    assert shown(table) == {
        # Compared as doubled, and without a verdict.
        "AVE": ["F1*", "200", "0.858", "0.432", "0.860", "0.002", "0.430", "--"],
        "PM": ["F1", "200", "0.720", "0.752", "1.501", "0.032", "0.750", "inside"],
        "SA": ["macro-F1", "200", "0.516", "0.602", "1.200", "0.086", "0.600", "outside"],
        "AG": ["F_BERT", "200", "--", "0.852", "1.700", "--", "0.850", "--"],
    }
    # PM is neither published nor measured.
    assert list(shown(table, group=1)) == ["AVE", "SA", "AG"]
    doubled, pm = table.panels[0].groups[0].rows[:2]
    assert [at for at, cell in enumerate(doubled.cells) if "doubled" in cell.marks] == [2, 4]
    assert pm.cells[6].interval == Interval(0.7503 - 0.03, 0.7503 + 0.03)
    assert any("twice the recall" in note for note in table.notes)
    (released,) = (note for note in table.notes if note.startswith("n: our test records, from"))
    assert "as often as the answer repeats it" in released


def test_other_data_gets_no_difference_and_no_verdict(tmp_path: Path) -> None:
    table = made(tmp_path, data={"source": "a shop", "comparable": False})
    assert {(row[5], row[-1]) for row in shown(table).values()} == {("--", "--")}
    assert any("measured on other data" in note for note in table.notes)


def test_several_seeds_are_judged_by_the_interval_of_their_mean(tmp_path: Path) -> None:
    table = made(tmp_path, seeds=(1, 2))
    assert shown(table)["PM"][-1] == "inside"
    assert table.panels[0].groups[0].rows[1].cells[6].interval == Interval(0.72, 0.76)
    assert any(note.startswith("Small-EC: mean over 2 seeds; ") for note in table.notes)
    assert JOINT in table.notes and JOINT not in made(tmp_path).notes


def test_the_authors_answers_are_compared_without_an_interval_of_ours(tmp_path: Path) -> None:
    table = made(tmp_path, models=[], rescored={AUTHORS: "Small-EC"})
    group = table.panels[0].groups[0]
    assert group.title == f"{AUTHORS} and the published Small-EC, {IND}"
    found = shown(table)
    assert found["PM"] == ["F1", "200", "0.720", "0.720", "1.436", "0.000"]
    # Compared as doubled.
    assert found["AVE"][-3:] == ["0.431", "0.858", "0.000"]
    *_, released, doubled, difference = group.rows[0].cells
    assert (released.marks, doubled.marks, difference.marks) == ((), ("doubled",), ())
    assert doubled.sources == (f"metrics/{AUTHORS}/seed-0/AVE.json",)


def test_a_model_reproduces_the_row_of_its_name_or_the_one_configured(tmp_path: Path) -> None:
    for reproduces, groups in ({}, 0), ({"Mine": "Small-EC"}, 2):
        table = made(tmp_path, models=["Mine"], reproduces=reproduces)
        assert len(table.panels[0].groups) == groups
