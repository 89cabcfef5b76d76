import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ecslm.tables.marks import mark_below_simple, mark_best
from ecslm.tables.published import Published
from ecslm.tables.sources import Sources
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.project import ROOT
from support.scripts import run_script
from support.table_files import (
    IND,
    request,
    scores,
    write_metrics,
    write_over_seeds,
    write_published,
    write_simple,
)

from ecslm.common.errors import InputError
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.results import KIND, ResultsEntry, problems
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Interval,
    Row,
    RowGroup,
    Simple,
    Table,
    read_table,
    score_text,
)
from ecslm.tables.notes import JOINT

SIMPLE = {"PM": ["always-yes"]}


def results_request(**changes: Any) -> TableRequest[ResultsEntry]:
    entry = {
        "kind": "results",
        "setting": IND,
        "published_table": "IND",
        "columns": ["AVE", "PM"],
        "rows": [
            {"group": "Published", "published": ["GPT-4 Turbo", "EcomGPT"]},
            {"group": "Trivial", "baselines": ["always-yes"]},
            {"group": "Tuned", "models": ["Small-EC"], "followed_by_published": True},
        ],
        "competitors": ["GPT-4 Turbo", "EcomGPT", "Small-EC"],
        **changes.pop("entry", {}),
    }
    context = {
        "models": {"Small-EC": {"seeds": [42], "tasks": ["AVE", "PM"]}},
        "baselines": {"always-yes": ["PM"]},
        **changes,
    }
    return request(entry, **context)


def write_all(results: Path, ave: float = 0.430, pm: float = 0.700) -> None:
    write_metrics(results, "Small-EC", "AVE", {IND: scores(ave)}, seed=42)
    write_metrics(results, "Small-EC", "PM", {IND: scores(pm)}, seed=42)
    write_metrics(results, "always-yes", "PM", {IND: scores(0.610)})
    write_simple(results, "PM", "always-yes")


def build(tmp_path: Path, wanted: TableRequest[ResultsEntry]) -> Table:
    return KIND.build("ind", wanted, Sources(tmp_path, {"published": write_published(tmp_path)}))


def rows_of(table: Table) -> dict[str, Row]:
    return {row.name: row for group in table.panels[0].groups for row in group.rows}


def test_a_cell_keeps_value_shown_text_interval_and_sources(tmp_path: Path) -> None:
    write_all(tmp_path, ave=0.4304)
    cell = rows_of(build(tmp_path, results_request()))["Small-EC"].cells[0]
    assert cell.value == 0.4304
    assert cell.shown == "0.430"
    assert cell.interval is not None and cell.interval.reliable
    assert cell.sources == ("metrics/Small-EC/seed-42/AVE.json",)


def test_models_without_published_results_are_named_in_a_note(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Other-EC", "PM", {IND: scores(0.5)})
    wanted = results_request(
        entry={
            "columns": ["PM"],
            "rows": [{"group": "T", "models": ["Other-EC"], "followed_by_published": True}],
            "competitors": [],
        },
        models={"Other-EC": {"seeds": [0], "tasks": ["PM"]}},
    )
    assert "No results were published for: Other-EC." in build(tmp_path, wanted).notes


def test_best_and_second_are_marked_among_competitors_only(tmp_path: Path) -> None:
    write_all(tmp_path, pm=0.700)
    table = build(tmp_path, results_request())
    rows = rows_of(table)
    assert rows["GPT-4 Turbo"].cells[1].marks == ("best",)
    assert rows["Small-EC"].cells[1].marks == ("second",)
    assert rows["always-yes"].cells[1].marks == ()
    assert (
        "Bold: best of GPT-4 Turbo, EcomGPT and Small-EC; underlined: second best." in table.notes
    )


def test_a_score_below_the_best_simple_baseline_is_marked_as_such(tmp_path: Path) -> None:
    write_all(tmp_path, pm=0.6094)
    table = build(tmp_path, results_request(simple=SIMPLE))
    marks = {name: row.cells[1].marks for name, row in rows_of(table).items()}
    assert marks == {
        "GPT-4 Turbo": ("best",),
        # The best simple score is 0.610, which 0.648 is not below.
        "EcomGPT": ("second",),
        "always-yes": (),
        "Small-EC": ("below_simple",),
        "Small-EC (published)": (),
    }
    assert any(note.startswith("↓: below the best simple baseline") for note in table.notes)
    assert "Best simple baseline, chosen without test records: always-yes (PM)." in table.notes


@given(st.permutations([0.2, 0.65, 0.9]))
def test_test_scores_never_change_which_simple_baseline_is_the_best(values: list[float]) -> None:
    names = ["always-yes", "Words", "random"]
    models = {name: {"seeds": [0], "tasks": ["PM"]} for name in ("Small-EC", "Words")}
    models["Words"] |= {"learned": True}
    trivial = {name: ["PM"] for name in ("always-yes", "random")}
    rows = [{"group": "Ours", "models": ["Small-EC", "Words"]}]
    entry = {"rows": rows, "columns": ["PM"], "competitors": []}
    wanted = results_request(entry=entry, models=models, baselines=trivial, simple={"PM": names})
    with TemporaryDirectory() as folder:
        for name, value in zip(names, values, strict=True):
            write_metrics(Path(folder), name, "PM", {IND: scores(value)})
        write_metrics(Path(folder), "Small-EC", "PM", {IND: scores(0.7)})
        write_simple(Path(folder), "PM", "Words")
        table = build(Path(folder), wanted)
    (column,) = table.panels[0].columns
    assert column.simple == Simple("Words", values[1])
    found = {row.name: (row.kind, row.cells[0].marks) for row in table.panels[0].rows}
    assert found == {
        "Small-EC": ("model", ("below_simple",) if values[1] > 0.7 else ()),
        "Words": ("baseline", ()),
    }


def test_a_model_that_gives_nearly_always_the_same_answer_is_marked_but_no_trivial_rule(
    tmp_path: Path,
) -> None:
    write_all(tmp_path)
    always = {"answers": {"distinct": 1, "most_frequent": "no\ufffd", "count": 200}}
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.5, **always)}, seed=42)
    write_metrics(tmp_path, "always-yes", "PM", {IND: scores(0.5, **always)})
    table = build(tmp_path, results_request())
    marked = {
        name: [at for at, cell in enumerate(row.cells) if "constant" in cell.marks]
        for name, row in rows_of(table).items()
    }
    assert {name: at for name, at in marked.items() if at} == {"Small-EC": [1]}
    (note,) = [note for note in table.notes if note.startswith("=: ")]
    # LaTeX cannot print every character.
    assert note.endswith(": PM, Small-EC: always 'no\\ufffd'.")


def test_values_of_other_data_and_doubled_ones_are_not_compared_with_simple_rows(
    tmp_path: Path,
) -> None:
    write_all(tmp_path)
    write_metrics(tmp_path, "always-yes", "AVE", {IND: scores(0.99)})
    write_simple(tmp_path, "AVE", "always-yes")
    write_metrics(tmp_path, "always-yes", "PM", {IND: scores(0.99)})
    other = {"data": {"source": "a shop", "comparable": False}}
    for changes in ({}, other):
        simple = {task: ["always-yes"] for task in ("AVE", "PM")}
        wanted = results_request(simple=simple, **changes)
        rows = rows_of(build(tmp_path, wanted))
        assert "below_simple" in rows["Small-EC"].cells[0].marks
        assert rows["Small-EC (published)"].cells[0].marks == ("doubled",)
        assert ("below_simple" in rows["EcomGPT"].cells[1].marks) is not bool(changes)


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    simple=st.none() | st.floats(0, 1),
)
def test_marks_follow_from_what_is_shown(values: list[float], simple: float | None) -> None:
    def rows(kind: Any, numbers: list[float]) -> RowGroup:
        cells = [(Cell(value, score_text(value)),) for value in numbers]
        return RowGroup("", tuple(Row(f"{kind}{n}", kind, own) for n, own in enumerate(cells)))

    groups = [rows("model", values), rows("baseline", [0.0])]
    best = None if simple is None else Simple("simple", simple)
    columns = [HeaderCell("PM", "PM", lower_is_better=False, simple=best)]
    names = [row.name for row in groups[0].rows]
    found = mark_below_simple(mark_best(groups, columns, names), columns)
    shown = [float(score_text(value)) for value in values]
    least = 0.0 if simple is None else float(score_text(simple))
    ranked = sorted(set(shown), reverse=True)
    for row, value in zip(found[0].rows, shown, strict=True):
        marks = row.cells[0].marks
        assert ("best" in marks) == (len(values) > 1 and value == ranked[0] > 0)
        second = len(values) > 2 and len(ranked) > 1 and value == ranked[1] > 0
        assert ("second" in marks) == second
        assert ("below_simple" in marks) == (value < least)
    assert not any(row.cells[0].marks for row in found[1].rows)


def test_columns_say_how_many_records_they_have_and_notes_which_rows_have_fewer(
    tmp_path: Path,
) -> None:
    write_all(tmp_path)
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7, n=180)}, seed=42)
    table = build(tmp_path, results_request())
    assert [column.records for column in table.panels[0].columns] == [200, 200]
    assert "PM, Small-EC: n = 180." in table.notes
    assert "n: test records." in table.notes


def test_an_unreliable_interval_is_explained_unless_latex_shows_no_intervals(
    tmp_path: Path,
) -> None:
    write_all(tmp_path)
    details = {"interval": {"method": "bootstrap", "reliable": False}}
    doubtful = scores(0.7, strict={"details": details})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: doubtful}, seed=42)
    for place, explained in (("below", True), ("none", False)):
        table = build(tmp_path, results_request(entry={"intervals": place}))
        interval = rows_of(table)["Small-EC"].cells[1].interval
        assert interval is not None and not interval.reliable
        assert any(note.startswith("*:") for note in table.notes) is explained
        assert any("interval" in note for note in table.notes) is explained


def test_a_doubled_value_is_marked_and_never_best_even_as_competitor(tmp_path: Path) -> None:
    write_all(tmp_path)
    wanted = results_request(entry={"competitors": ["Small-EC (published)", "EcomGPT", "Small-EC"]})
    rows = rows_of(build(tmp_path, wanted))
    assert rows["Small-EC (published)"].cells[0].marks == ("doubled",)
    assert rows["Small-EC"].cells[0].marks == ("best",)


def test_published_rows_of_other_data_are_marked_and_never_compete(tmp_path: Path) -> None:
    write_all(tmp_path)
    wanted = results_request(data={"source": "a shop", "comparable": False})
    table = build(tmp_path, wanted)
    rows = rows_of(table)
    assert rows["GPT-4 Turbo"].marks == ("other_data",)
    assert rows["GPT-4 Turbo"].cells[1].marks == ()
    assert any("measured on other data" in note for note in table.notes)


def test_an_undefined_value_prints_missing_and_never_zero(tmp_path: Path) -> None:
    write_all(tmp_path)
    undefined = scores(0.0, strict={"defined": False, "ci95": None})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: undefined}, seed=42)
    cell = rows_of(build(tmp_path, results_request()))["Small-EC"].cells[1]
    assert (cell.value, cell.shown) == (None, "--")
    assert cell.sources == ("metrics/Small-EC/seed-42/PM.json",)
    # Nor what a baseline is not defined for.
    assert rows_of(build(tmp_path, results_request()))["always-yes"].cells[0] == Cell()


def with_two_seeds(tmp_path: Path, **entry: Any) -> TableRequest[ResultsEntry]:
    write_all(tmp_path)
    for seed, value in ((1, 0.6), (2, 0.7)):
        for task in ("AVE", "PM"):
            write_metrics(tmp_path, "Small-EC", task, {IND: scores(value)}, seed=seed)
    models = {"Small-EC": {"seeds": [1, 2], "tasks": ["AVE", "PM"]}}
    return results_request(entry=entry, models=models)


def test_several_seeds_give_their_mean_its_interval_and_their_spread(tmp_path: Path) -> None:
    wanted = with_two_seeds(tmp_path)
    for task in ("AVE", "PM"):
        write_over_seeds(tmp_path, "Small-EC", task, {IND: 0.65})
    table = build(tmp_path, wanted)
    cell = rows_of(table)["Small-EC"].cells[1]
    assert cell.shown == "0.650"
    assert cell.interval == Interval(0.63, 0.67)
    assert cell.sd == pytest.approx(0.0707, abs=1e-4)
    assert cell.sources == (
        "metrics/Small-EC/over-seeds/PM.json",
        "metrics/Small-EC/seed-1/PM.json",
        "metrics/Small-EC/seed-2/PM.json",
    )
    deviations = "standard deviations over seeds 0.071 to 0.071, median 0.071."
    assert f"Small-EC: mean over 2 seeds; {deviations}" in table.notes
    assert JOINT in table.notes


def test_a_table_can_show_the_spread_over_seeds_in_place_of_intervals(tmp_path: Path) -> None:
    wanted = with_two_seeds(tmp_path, spread="sd")
    assert not any("over-seeds" in path for path in KIND.files(wanted))
    table = build(tmp_path, wanted)
    rows = rows_of(table)
    assert rows["Small-EC"].cells[1].interval is None
    assert rows["Small-EC"].cells[1].sd == pytest.approx(0.0707, abs=1e-4)
    assert rows["always-yes"].cells[1].interval is None
    assert "Small-EC: mean over 2 seeds, with the standard deviation over them." in table.notes
    assert JOINT not in table.notes


def test_a_group_of_means_over_seeds_is_named_by_its_title(tmp_path: Path) -> None:
    with_two_seeds(tmp_path)
    for task in ("AVE", "PM"):
        write_over_seeds(tmp_path, "Small-EC", task, {IND: 0.65})
        for seed in (1, 2):
            write_metrics(tmp_path, "Large-EC", task, {IND: scores(0.5)}, seed=seed)
        write_over_seeds(tmp_path, "Large-EC", task, {IND: 0.5})
    names = ["Small-EC", "Large-EC"]
    group = {"group": "Tuned", "models": names, "followed_by_published": True}
    models = {name: {"seeds": [1, 2], "tasks": ["AVE", "PM"]} for name in names}
    wanted = results_request(entry={"rows": [group], "competitors": []}, models=models)
    notes = build(tmp_path, wanted).notes
    assert any(note.startswith("Tuned: mean over 2 seeds; standard deviations") for note in notes)


BOTH = {"group": "Shop model", "best_of": {"Best of both": ["Zero", "One"]}}
OF_BOTH = {name: {"seeds": [0], "tasks": ["AVE", "PM"]} for name in ("Zero", "One")}


def best_of_both(**changes: Any) -> TableRequest[ResultsEntry]:
    entry = {"rows": [BOTH], "competitors": [], **changes.pop("entry", {})}
    return results_request(entry=entry, **{"models": OF_BOTH, **changes})


def write_both(results: Path, *values: tuple[str, str, float]) -> None:
    for name, task, value in values:
        write_metrics(results, name, task, {IND: scores(value)})


def test_a_row_of_the_best_shows_the_better_model_in_each_column(tmp_path: Path) -> None:
    both = ("Zero", "AVE", 0.1), ("One", "AVE", 0.25), ("Zero", "PM", 0.6), ("One", "PM", 0.5)
    write_both(tmp_path, *both)
    table = build(tmp_path, best_of_both())
    row = rows_of(table)["Best of both"]
    assert [cell.shown for cell in row.cells] == ["0.250", "0.600"]
    assert row.cells[0].interval == Interval(0.22, 0.28)
    assert row.cells[1].sources == ("metrics/Zero/seed-0/PM.json", "metrics/One/seed-0/PM.json")
    assert row.marks == ("chosen",)
    (note,) = [note for note in table.notes if "Best of both" in note]
    assert note.startswith("§ Best of both: in each column the best of Zero, One, chosen by the")
    assert note.endswith("Chosen: AVE One, PM Zero.")


def test_a_column_without_values_has_no_best(tmp_path: Path) -> None:
    undefined = scores(0.0, strict={"defined": False, "ci95": None})
    write_metrics(tmp_path, "Zero", "PM", {IND: undefined})
    write_metrics(tmp_path, "One", "PM", {"another": scores(0.4)})
    table = build(tmp_path, best_of_both(entry={"columns": ["PM"]}))
    cell = rows_of(table)["Best of both"].cells[0]
    assert (cell.value, cell.shown) == (None, "--")
    assert any(note.endswith("Chosen: none.") for note in table.notes)


def test_the_best_of_means_says_over_how_many_seeds(tmp_path: Path) -> None:
    for name in OF_BOTH:
        for seed in (1, 2):
            write_metrics(tmp_path, name, "PM", {IND: scores(0.5 + seed / 10)}, seed=seed)
        write_over_seeds(tmp_path, name, "PM", {IND: 0.65})
    models = {name: {"seeds": [1, 2], "tasks": ["PM"]} for name in OF_BOTH}
    table = build(tmp_path, best_of_both(entry={"columns": ["PM"]}, models=models))
    assert any(note.startswith("Best of both: mean over 2 seeds") for note in table.notes)


def test_a_model_without_answers_has_no_row_but_is_named(tmp_path: Path) -> None:
    write_both(tmp_path, ("One", "PM", 0.5))
    models = OF_BOTH | {"Zero": {"seeds": [0], "tasks": []}}
    rows = [{"group": "Alone", "models": ["Zero"]}, {"group": "Both", "models": ["One"]}]
    wanted = best_of_both(entry={"columns": ["PM"], "rows": [*rows, BOTH]}, models=models)
    table = build(tmp_path, wanted)
    assert [group.title for group in table.panels[0].groups] == ["Both", "Shop model"]
    assert list(rows_of(table)) == ["One", "Best of both"]
    assert "Without answers, and therefore without a row: Zero." in table.notes
    assert any("the best of One, chosen" in note for note in table.notes)


def test_models_of_different_seeds_are_no_row_of_the_best(tmp_path: Path) -> None:
    models = OF_BOTH | {"One": {"seeds": [0, 1], "tasks": ["PM"]}}
    found = problems(best_of_both(models=models), {"published": write_published(tmp_path)})
    assert list(found) == [
        "rows: best_of: the models of Best of both have different numbers of seeds"
    ]


ZERO = {"group": "A", "models": ["Zero"]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rows": [BOTH | {"models": ["Zero"]}]}, "exactly one of models, baselines, published"),
        ({"rows": [{"group": "A", "best_of": {"X": ["Zero", "Zero"]}}]}, "X needs two models"),
        ({"rows": [ZERO | {"models": ["Best of both"]}, BOTH]}, "Best of both is also another row"),
        ({"rows": [BOTH, BOTH]}, "Best of both is also another row"),
        ({"columns": ["PM", "PM"]}, "columns: PM is listed twice"),
        ({"rows": [ZERO, {"group": "B", "published": ["Zero"]}]}, "rows: Zero is listed twice"),
        ({"competitors": ["GPT-5"]}, "competitors: GPT-5 is not a row"),
    ],
)
def test_rows_that_could_not_be_told_apart_or_compared_are_refused(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        best_of_both(entry=changes)


def test_a_missing_metrics_file_is_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "metrics/Small-EC/seed-42/PM.json").unlink()
    with pytest.raises(InputError, match=r"metrics/Small-EC/seed-42/PM\.json: no such file"):
        build(tmp_path, results_request())


def test_the_files_that_a_table_reads_are_known_beforehand() -> None:
    simple = {"PM": ["always-yes", "Words"]}
    assert KIND.files(results_request(simple=simple)) == [
        "metrics/Small-EC/seed-42/AVE.json",
        "metrics/Small-EC/seed-42/PM.json",
        "metrics/always-yes/seed-0/PM.json",
        "simple_baselines/PM.json",
        "metrics/Words/seed-0/PM.json",
    ]


def test_a_model_that_the_study_lacks_is_refused() -> None:
    with pytest.raises(InputError, match=r"context\.models: has no Small-EC"):
        results_request(models={})


def test_the_script_writes_the_same_bytes_each_time_and_no_absolute_path(tmp_path: Path) -> None:
    write_all(tmp_path)
    settings = tmp_path / "settings.json"
    settings.write_text(results_request().model_dump_json())
    outputs = []
    for name in ("first", "second"):
        tex, twin = tmp_path / name / "ind.tex", tmp_path / name / "ind.json"
        options = [
            *("--table", "ind", "--settings", f"@{settings}", "--results", tmp_path),
            *("--template", ROOT / "report/tabular.tex.jinja"),
            *("--float-template", ROOT / "report/float.tex.jinja"),
            *("--published", write_published(tmp_path), "--tex", tex, "--json", twin),
            *("--tabular", bare := tmp_path / name / "ind.tabular.tex"),
        ]
        run_script("render_table.py", *options).check_returncode()
        outputs.append((tex.read_bytes(), twin.read_bytes(), bare.read_bytes()))
    assert outputs[0] == outputs[1]
    assert str(tmp_path).encode() not in b"".join(outputs[0])
    assert read_table(twin) == build(tmp_path, results_request())
    assert json.loads(outputs[0][1])["name"] == "ind"


def test_the_repository_holds_the_published_results() -> None:
    published = Published(ROOT / "resources/published/study.csv")
    assert published.cell("IND", "SmolLM2-1.7B-EC", "AVE").marks == ("doubled",)
    assert published.cell("IND", "SmolLM2-360M-EC", "PSI").shown == "--"
    assert published.cell("OOD", "GPT-4 Turbo", "AVE").marks == ()
    assert published.cell("OOD", "GPT-4 Turbo", "AG").shown == "0.860"
    # True F1*, as the general models' values.
    assert published.cell("IND", "eCeLLM-M", "AVE") == replace(
        published.cell("IND", "GPT-4 Turbo", "AVE"), value=0.662, shown="0.662"
    )


HEAD = "table,model,doubled,PM,SA\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{HEAD}IND,A,,0.1,\nIND,A,,0.2,\n", "line 3: IND, A: duplicates an earlier line"),
        (f'{HEAD}IND,A,"PM,SA",0.1,\n', "line 2: doubled: PM,SA is no column: name those of tasks"),
        ("table,model,doubled,PM,PM\n", "line 1: duplicate columns: PM"),
        (f"{HEAD}IND,A,,91.2,\n", "IND, A, PM: 91.2 is no score: 1 is the best, not 100 per cent"),
        (f"{HEAD}IND,A,,nan,\n", "IND, A, PM: nan is no score: "),
        (f"{HEAD}IND,A,,n/a,\n", "IND, A, PM: not a number (n/a)"),
    ],
)
def test_published_numbers_that_would_be_taken_for_others_are_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "study.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Published(path).cell("IND", "A", "PM")
    assert caught.value.problems[0].startswith(f"{path}: {problem}")


def test_the_decimals_of_a_column_are_those_of_its_own_table(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    # As a spreadsheet may write it.
    text = "table,model,doubled,PM\r\nIND,A,,0.5\r\nIND,B,,0.52\r\nOOD,A,,0.517\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    published = Published(path)
    found = published.rounding("IND", "PM"), published.rounding("OOD", "PM")
    assert found == pytest.approx((0.005, 0.0005))
    assert published.cell("IND", "B", "PM").value == 0.52


def test_what_competing_models_know_of_yes_and_no_stands_below_the_table(tmp_path: Path) -> None:
    write_all(tmp_path)
    details = {"mcc": 0.27, "lenient": None, "interval": None}
    found = scores(0.3, strict={"details": details})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: found}, seed=42)
    table = build(tmp_path, results_request())
    assert rows_of(table)["Small-EC"].cells[1].mcc == 0.27
    (note,) = (note for note in table.notes if note.startswith("Matthews"))
    assert note.endswith(
        "yes and no (PM), which is 0 for constant answers whatever their F1: Small-EC 0.270."
    )
