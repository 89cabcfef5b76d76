"""Results tables: rows, marks, seeds, and the published numbers beside them."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from support import table_files as files
from support.project import REPORT
from support.scripts import run_script
from support.study_tables import fragments
from support.table_files import IND, cells, scores, write_metrics, write_over_seeds, write_published

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_result
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.results import with_marks
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Interval,
    Row,
    RowGroup,
    RowKind,
    Simple,
    Table,
    score_text,
)
from ecslm.tables.notes import JOINT
from ecslm.tidy.scores import read_published

TASKS = ["AVE", "PM"]
OURS = {"group": "Tuned", "models": ["Small-EC"], "followed_by_published": True}
UNDEFINED = scores(0.0, strict={"defined": False, "ci95": None})


def asked(entry: dict[str, Any] | None = None, **changes: Any) -> TableRequest:
    published = {"group": "Published", "published": ["GPT-4 Turbo", "EcomGPT"]}
    whole = {
        **{"kind": "results", "setting": IND, "published_table": "IND", "columns": TASKS},
        "rows": [published, {"group": "Trivial", "baselines": ["always-yes"]}, OURS],
        **{"competitors": ["GPT-4 Turbo", "EcomGPT", "Small-EC"], **(entry or {})},
    }
    models = {"Small-EC": {"seeds": [42], "tasks": TASKS}}
    context = {"models": models, "baselines": {"always-yes": TASKS}, "simple": {}, **changes}
    return files.request(whole, **context)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_metrics(tmp_path, "Small-EC", "AVE", {IND: scores(0.4304)}, seed=42)
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.6094)}, seed=42)
    for task, value in (("AVE", 0.99), ("PM", 0.61)):
        write_metrics(tmp_path, "always-yes", task, {IND: scores(value)})
        files.write_simple(tmp_path, task, "always-yes")
    return tmp_path


def made(results: Path, wanted: TableRequest) -> Table:
    write_published(results)
    return files.built(wanted, results)


def marks(table: Table, task: str) -> dict[str, tuple[str, ...]]:
    return {name: row[task].marks for name, row in cells(table).items()}


def test_scores_are_compared_with_competitors_and_the_best_simple_baseline(results: Path) -> None:
    baselines = {"always-yes": ["PM"]}
    table = made(results, asked(baselines=baselines, simple={"PM": ["always-yes"]}))
    cell = cells(table)["Small-EC"]["AVE"]
    assert cell.interval is not None and cell.interval.reliable
    assert (cell.value, cell.shown) == (0.4304, "0.430")
    assert cell.sources == ("metrics/Small-EC/seed-42/AVE.json",)
    # What a baseline is not defined for.
    assert cells(table)["always-yes"]["AVE"] == Cell()
    assert marks(table, "PM") == {
        "GPT-4 Turbo": ("best",),
        # Not below 0.610.
        "EcomGPT": ("second",),
        "always-yes": (),
        "Small-EC": ("below_simple",),
        "Small-EC (published)": (),
    }
    best = "Bold: best of GPT-4 Turbo, EcomGPT and Small-EC; underlined: second best."
    simple = "Best simple baseline, chosen without test records: always-yes (PM)."
    assert {best, simple, "n: test records."} <= {*table.notes}
    assert any(note.startswith("↓: below the best simple baseline") for note in table.notes)


def test_test_scores_never_change_which_simple_baseline_is_the_best(results: Path) -> None:
    models = {"Small-EC": {"tasks": ["PM"]}, "Words": {"tasks": ["PM"], "learned": True}}
    entry = {"rows": [{"group": "Ours", "models": [*models]}], "columns": ["PM"], "competitors": []}
    files.write_simple(results, "PM", "Words")
    write_metrics(results, "Small-EC", "PM", {IND: scores(0.6)})
    for value, below in ((0.5, ()), (0.65, ("below_simple",))):
        write_metrics(results, "Words", "PM", {IND: scores(value)})
        table = made(results, asked(entry, models=models, simple={"PM": ["always-yes", "Words"]}))
        assert table.panels[0].columns[0].simple == Simple("Words", value)
        assert marks(table, "PM") == {"Small-EC": below, "Words": ()}
        assert [row.kind for row in table.panels[0].rows] == ["model", "baseline"]


def test_a_model_that_nearly_always_answers_the_same_is_marked_but_no_trivial_rule(
    results: Path,
) -> None:
    always = {"answers": {"distinct": 1, "most_frequent": "no\ufffd", "count": 200}}
    write_metrics(results, "Small-EC", "PM", {IND: scores(0.5, **always)}, seed=42)
    write_metrics(results, "always-yes", "PM", {IND: scores(0.5, **always)})
    table = made(results, asked())
    assert [name for name, one in marks(table, "PM").items() if "constant" in one] == ["Small-EC"]
    (note,) = [note for note in table.notes if note.startswith("=: ")]
    # LaTeX cannot print every character.
    assert note.endswith(": PM, Small-EC: always 'no\\ufffd'.")


def test_values_of_other_data_and_doubled_ones_are_compared_with_none(results: Path) -> None:
    write_metrics(results, "always-yes", "PM", {IND: scores(0.99)})
    entry = {"competitors": ["Small-EC (published)", "EcomGPT", "Small-EC"]}
    simple = {one: ["always-yes"] for one in TASKS}
    for comparable in (True, False):
        data = {"source": "a shop", "comparable": comparable}
        table = made(results, asked(entry, simple=simple, data=data))
        found = marks(table, "AVE")
        assert found["Small-EC (published)"] == ("doubled",)
        assert found["Small-EC"] == (("best", "below_simple") if comparable else ("below_simple",))
        assert marks(table, "PM")["EcomGPT"] == (("second", "below_simple") if comparable else ())
        other = [row.name for row in table.panels[0].rows if "other_data" in row.marks]
        assert bool(other) is any("on other data" in note for note in table.notes) is not comparable


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.none() | st.floats(0, 1))
@example([0.5, 0.4999], 0.5)
def test_marks_follow_from_what_is_shown(values: list[float], simple: float | None) -> None:
    def rows(kind: RowKind, numbers: list[float]) -> RowGroup:
        made = [(Cell(value, score_text(value)),) for value in numbers]
        return RowGroup("", tuple(Row(f"{kind}{n}", kind, own) for n, own in enumerate(made)))

    groups = [rows("model", values), rows("baseline", [0.0])]
    best = None if simple is None else Simple("simple", simple)
    names = [row.name for row in groups[0].rows]
    found = with_marks(groups, [HeaderCell("PM", "PM", simple=best)], names)
    shown = [float(score_text(value)) for value in values]
    least = 0.0 if simple is None else float(score_text(simple))
    ranked = sorted(set(shown), reverse=True)
    for row, value in zip(found[0].rows, shown, strict=True):
        marked = row.cells[0].marks
        assert ("best" in marked) == (len(values) > 1 and value == ranked[0] > 0)
        second = len(values) > 2 and len(ranked) > 1 and value == ranked[1] > 0
        assert ("second" in marked) == second
        assert ("below_simple" in marked) == (value < least)
    assert not any(row.cells[0].marks for row in found[1].rows)


def test_records_and_doubtful_intervals_are_told_unless_latex_shows_none(results: Path) -> None:
    details = {"mcc": 0.27, "interval": {"method": "bootstrap", "reliable": False}}
    doubtful = scores(0.7, n=180, strict={"details": details})
    write_metrics(results, "Small-EC", "PM", {IND: doubtful}, seed=42)
    for place in ("below", "none"):
        table = made(results, asked({"intervals": place}))
        assert not cells(table)["Small-EC"]["PM"].interval.reliable  # type: ignore[union-attr]
        told = [note.startswith("*:") for note in table.notes if "interval" in note]
        assert told == ([False, True] if place == "below" else [])
        assert [column.records for column in table.panels[0].columns] == [200, 200]
        assert "PM, Small-EC: n = 180." in table.notes
        (note,) = (note for note in table.notes if note.startswith("Matthews"))
        assert note.endswith("constant answers whatever their F1: Small-EC PM 0.270.")


def test_a_value_that_is_undefined_for_any_seed_prints_missing_and_never_zero(
    results: Path,
) -> None:
    write_metrics(results, "Small-EC", "PM", {IND: UNDEFINED}, seed=43)
    write_over_seeds(results, "Small-EC", "PM", {IND: 0.5})
    for seeds in ([43], [42, 43]):
        models = {"Small-EC": {"seeds": seeds, "tasks": ["PM"]}}
        cell = cells(made(results, asked(models=models)))["Small-EC"]["PM"]
        assert replace(cell, sources=()) == Cell()
        assert cell.sources[-1] == "metrics/Small-EC/seed-43/PM.json"


def test_several_seeds_give_their_mean_and_its_interval(results: Path) -> None:
    names = ["Small-EC", "Large-EC"]
    for name, task in product(names, TASKS):
        for seed, value in ((1, 0.6), (2, 0.7)):
            write_metrics(results, name, task, {IND: scores(value)}, seed=seed)
        write_over_seeds(results, name, task, {IND: 0.65})
    models = {name: {"seeds": [1, 2], "tasks": TASKS} for name in names}
    entry = {"rows": [OURS | {"models": names}], "competitors": []}
    table = made(results, asked(entry, models=models))
    cell = cells(table)["Small-EC"]["PM"]
    assert (cell.shown, cell.sd) == ("0.650", pytest.approx(0.0707, abs=1e-4))
    assert cell.interval == Interval(0.65 - 0.02, 0.65 + 0.02)
    seeds = [f"metrics/Small-EC/seed-{seed}/PM.json" for seed in (1, 2)]
    assert cell.sources == ("metrics/Small-EC/over-seeds/PM.json", *seeds)
    told = "standard deviations over seeds 0.071 to 0.071, median 0.071."
    assert f"Small-EC, Large-EC: mean over 2 seeds; {told}" in table.notes
    assert JOINT in table.notes
    assert JOINT not in made(results, asked(entry | {"intervals": "none"}, models=models)).notes


def test_a_model_without_answers_has_no_row_and_no_group_is_empty(tmp_path: Path) -> None:
    write_metrics(tmp_path, "One", "PM", {IND: UNDEFINED})
    rows = [{"group": name, "models": [name]} for name in ("Zero", "One")]
    models = {"Zero": {"tasks": ["AVE"]}, "One": {"tasks": ["PM"]}}
    entry = {"columns": ["PM"], "rows": rows, "competitors": []}
    table = made(tmp_path, asked(entry, models=models))
    assert [group.title for group in table.panels[0].groups] == ["One"]
    assert files.shown(table) == {"One": ["--"]}
    assert "Without answers, and therefore without a row: Zero." in table.notes


def test_rows_that_do_not_exist_or_could_not_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="competitors: GPT-5 is not a row"):
        asked({"competitors": ["GPT-5"]})
    wanted = asked({"rows": [OURS, {"group": "P", "published": ["GPT-9"]}], "competitors": []})
    path = tmp_path / "study.csv"
    assert files.problems(wanted, tmp_path) == [f"GPT-9 is not in table IND of {path}"]


def test_the_script_writes_the_same_as_the_library_each_time_and_no_absolute_path(
    results: Path,
) -> None:
    settings = results / "settings.json"
    settings.write_text(asked().model_dump_json())
    table = made(results, asked())
    tex, bare, twin = (results / f"ind.{end}" for end in ("tex", "tabular.tex", "json"))
    options = [
        *("--table", "test", "--settings", f"@{settings}", "--results", results),
        *("--template", REPORT / "tabular.tex.jinja", "--float-template"),
        *(REPORT / "float.tex.jinja", "--tex", tex, "--json", twin, "--tabular", bare),
    ]
    run_script("render_table.py", *options).check_returncode()
    assert read_result(twin, Table) == table
    assert (tex.read_text(), bare.read_text()) == fragments(table)
    assert str(results) not in tex.read_text() + twin.read_text()


def test_published_numbers_that_would_be_taken_for_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    for rows, problem in (
        ("IND,A,,0.1,\nIND,A,,0.2,", "line 3: IND, A: duplicates an earlier line"),
        ('IND,A,"PM,SA",0.1,', "line 2: doubled: PM,SA is no column: name those of tasks"),
        *(
            (f"IND,A,,{value},", f"line 2: PM: {value} is no score: write a number from 0 to 1, ")
            for value in ("91.2", "nan", "-0.1", "1.1")
        ),
    ):
        path.write_text(f"table,model,doubled,PM,SA\n{rows}\n", encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_published(path)
        assert caught.value.problems[0].startswith(f"{path}: {problem}")
