"""What figures show of small hand-made results."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from support.table_files import (
    IND,
    TASKS,
    scores,
    write_metrics,
    write_published,
    write_simple,
)

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.figures.draw import draw_figures
from ecslm.figures.inputs import input_files
from ecslm.figures.panels import quantity_axis, task_panels
from ecslm.figures.scores import TaskScores
from ecslm.figures.settings import FigureName, FiguresSettings
from ecslm.figures.style import styled
from ecslm.tables.inputs import Inputs

ENTRY: dict[str, Any] = {
    "kind": "results",
    "caption": "",
    "label": "none",
    "setting": IND,
    "published_table": "IND",
    "columns": ["PM", "AVE"],
    "rows": [
        {"group": "Published", "published": ["GPT-4 Turbo", "EcomGPT"]},
        {"group": "Trivial", "baselines": ["always-yes", "random"]},
        {"group": "Models", "models": ["Small", "Small-limited", "Other"]},
        {"group": "Tuned", "models": ["Small-EC"], "followed_by_published": True},
    ],
}
MODELS: dict[str, Any] = {
    "Small": {"family": "Small", "parameters": 1000, "multiplied": 900},
    "Small-limited": {"family": "Small", "parameters": 1000, "multiplied": 900},
    "Other": {"family": "Other"},
    "Small-EC": {
        **{"family": "Small", "parameters": 1000, "multiplied": 900},
        **{"adapter_of": "Small-EC", "trained": [0, 1]},
    },
}
SIZES = {"EcomGPT": 7000}
VALUES = {"Small": 0.3, "Small-limited": 0.9, "Other": 0.5, "always-yes": 0.4, "random": 0.2}


def settings(comparable: bool = True, **table: Any) -> FiguresSettings:
    models = {name: {"seeds": [0], "tasks": ["PM"]} | one for name, one in MODELS.items()}
    models["Small-limited"]["limits"] = "constrained to valid answers"
    models["Small-EC"]["seeds"] = [0, 1]
    drawn = {"entry": ENTRY, "sized": True, "tasks": ["PM", "AVE"]}
    return FiguresSettings.model_validate(
        {
            "tables": {"ind": drawn | table},
            "context": {
                "data": {"source": "", "comparable": comparable},
                "tasks": {code: TASKS[code] for code in ("PM", "AVE")},
                "models": models,
                "baselines": {"always-yes": ["PM"], "random": ["PM"]},
                "simple": {"PM": ["always-yes", "random"]},
            },
        }
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Scores, costs, manifests and logs of a small study."""
    folder = tmp_path / "shop"
    for name, value in VALUES.items():
        few = {"interval": {"method": "bootstrap", "reliable": name != "Other"}, "lenient": None}
        strict = {"details": few}
        write_metrics(folder, name, "PM", {IND: scores(value, strict=strict)})
        write_cost(folder, name, 0)
    for seed, value in enumerate((0.6, 0.8)):
        write_metrics(folder, "Small-EC", "PM", {IND: scores(value)}, seed=seed)
        write_cost(folder, "Small-EC", seed)
        write_training(folder, "Small-EC", seed, {"PM": 30, "AVE": 10})
    details = {"by_seed": [0.6, 0.8], "interval": {"method": "bootstrap", "reliable": True}}
    strict = {"value": 0.7, "defined": True, "sd": 0.1, "ci95": [0.65, 0.75], "details": details}
    over_seeds = {"task": "PM", "model": "Small-EC", "seeds": [0, 1], "metric": "F1"}
    settings_of = {IND: {"n": 200, "strict": strict}}
    path = folder / "metrics/Small-EC/over-seeds/PM.json"
    write_json(path, over_seeds | {"settings": settings_of})
    write_published(folder)
    write_simple(folder, "PM", "always-yes")
    (folder / "sizes.csv").write_text("model,parameters\nEcomGPT,7000\n")
    return folder


def write_cost(folder: Path, model: str, seed: int, **changes: Any) -> None:
    known = {"device": "none", "seconds": 1.0, "prompts": 10, "prompt_tokens": 900}
    path = folder / f"predictions/{model}/seed-{seed}/PM.cost.json"
    write_json(path, known | {"generated_tokens": 100} | changes)


def write_training(folder: Path, model: str, seed: int, records: dict[str, int]) -> None:
    adapter = folder / f"adapters/{model}/seed-{seed}"
    write_json(adapter / "manifest.json", {"records": records})
    steps = [{"step": n, "records": 4 * n, "loss": 2 - n / 100} for n in range(1, 121)]
    right = {"PM": 0.2 + 0.4 * seed, "SA": 1.0}
    evaluations = [{"records": 800, "eval_loss": 1.5, "eval_right": right}]
    write_jsonl(adapter / "log.jsonl", [*steps, *evaluations])


def figure(results: Path, kind: str, task: str = "", **changes: Any) -> Figure:
    """One of the figures."""
    chosen = settings(**changes)
    inputs = Inputs(chosen.context, results, {"published": results / "study.csv"})
    sizes = results / "sizes.csv"
    with styled():
        drawn = dict(draw_figures(chosen, inputs, sizes if sizes.exists() else None))
    table = "" if kind in ("loss", "validation") else "ind"
    return drawn[FigureName(kind=kind, table=table, task=task)]  # type: ignore[arg-type]


def rows(axes: Axes) -> dict[str, str]:
    """What stands at both ends of each line of an interval figure."""
    names = [text.get_text() for text in axes.get_yticklabels()]
    return dict(zip(names, (text.get_text() for text in axes.texts), strict=True))


def markers(axes: Axes) -> list[tuple[float, float, bool]]:
    """Place and value of each marker, and whether it is filled."""
    found = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    return [(float(x), float(y), filled(line)) for line in found for x, y in line.get_xydata()]


def filled(line: Line2D) -> bool:
    return line.get_markerfacecolor() == line.get_color()


def test_intervals_are_those_of_free_models_published_rows_and_the_best_simple_baseline(
    results: Path,
) -> None:
    (axes,) = figure(results, "intervals", "PM").axes
    assert rows(axes) == {
        "GPT-4 Turbo": "0.753",
        "EcomGPT": "0.648",
        "always-yes": "0.400",
        "Small": "0.300",
        "Other": "0.500*",
        "Small-EC": "0.700",
        "Small-EC (published)": "0.720",
    }


def test_a_number_of_records_stands_above_intervals_if_it_is_that_of_all_rows(
    results: Path,
) -> None:
    assert "200 records" in figure(results, "intervals", "PM").get_suptitle()
    write_metrics(results, "Other", "PM", {IND: scores(0.5, n=150)})
    assert "records" not in figure(results, "intervals", "PM").get_suptitle()


def test_values_of_other_data_and_doubled_ones_are_marked_and_hollow(results: Path) -> None:
    axes = figure(results, "intervals", "PM", comparable=False).axes[0]
    assert {name for name in rows(axes) if name.endswith("‡")} == {
        "GPT-4 Turbo\N{NO-BREAK SPACE}‡",
        "EcomGPT\N{NO-BREAK SPACE}‡",
        "Small-EC (published)\N{NO-BREAK SPACE}‡",
    }
    by_place = {place: filled for _, place, filled in markers(axes)}
    assert [by_place[n] for n in range(7)] == [False, False, True, False, False, True, False]
    doubled = figure(results, "intervals", "AVE").axes[0]
    assert rows(doubled)["Small-EC (published)"] == "0.858†"
    assert (0.858, 2, False) in markers(doubled)


def test_a_row_that_was_chosen_by_the_test_records_is_marked_and_hollow(results: Path) -> None:
    best = {"group": "Best", "best_of": {"Best": ["Small", "Other"]}}
    entry = ENTRY | {"rows": [*ENTRY["rows"], best]}
    axes = figure(results, "intervals", "PM", entry=entry).axes[0]
    *_, last = rows(axes)
    assert last == "Best\N{NO-BREAK SPACE}§"
    by_place = {place: filled for _, place, filled in markers(axes)}
    assert not by_place[len(rows(axes)) - 1]


def test_an_interval_that_is_too_narrow_is_dashed(results: Path) -> None:
    axes = figure(results, "intervals", "PM").axes[0]
    bars = {
        ends[0][1]: (ends[:, 0], collection.get_linestyle()[0][1])
        for collection in axes.collections
        for ends in collection.get_segments()
    }
    place = list(rows(axes)).index("Other")
    assert list(bars[place][0]) == pytest.approx([0.47, 0.53])
    assert [dashes is not None for _, dashes in (bars[place], bars[place - 1])] == [True, False]


def test_a_published_row_stands_at_its_size_or_at_that_of_the_model_that_it_belongs_to(
    results: Path,
) -> None:
    axes = figure(results, "parameters").axes[0]
    found = {round(value, 3): place for place, value, _ in markers(axes)}
    # GPT-4 has not published its size, nor is that of Other known.
    assert set(found) == {0.648, 0.3, 0.7, 0.72}
    assert found[0.648] == 7000
    assert found[0.3] < 1000 < found[0.7] == found[0.72]


def test_computation_is_two_operations_for_each_weight_and_token(results: Path) -> None:
    axes = figure(results, "computation").axes[0]
    assert {place for place, _, _ in markers(axes)} == {2 * 900 * 100.0}


def test_a_model_whose_tokens_are_not_known_is_left_out_of_computation(results: Path) -> None:
    write_cost(results, "Small", 0, generated_tokens=None)
    axes = figure(results, "computation").axes[0]
    assert {value for _, value, _ in markers(axes)} == {0.7}


def test_lines_are_at_the_best_published_value_and_the_best_simple_baseline(results: Path) -> None:
    # Chosen on validation records, whatever they score on those of the test.
    write_metrics(results, "random", "PM", {IND: scores(0.6)})
    for kind in ("parameters", "computation"):
        axes = figure(results, kind).axes[0]
        lines = [line for line in axes.lines if line.get_marker() == "None"]
        flat = {float(line.get_ydata()[0]) for line in lines if list(line.get_xdata()) == [0, 1]}
        assert flat == {0.753, 0.4}


def test_models_of_a_line_stand_at_the_number_of_their_records(results: Path) -> None:
    axes = figure(results, "records", shares=[["Small-EC", "Small-EC"]]).axes[0]
    assert {place for place, _, _ in markers(axes)} == {40}
    untuned = [line for line in axes.lines if line.get_linestyle() == "-."]
    assert {float(line.get_ydata()[0]) for line in untuned} == {0.3, 0.5}


def test_loss_curves_are_means_over_steps_with_a_line_for_each_seed(results: Path) -> None:
    training, validation = figure(results, "loss").axes
    assert [len(line.get_xdata()) for line in training.lines] == [60, 60]
    assert training.lines[0].get_ydata().mean() == pytest.approx(1.395)
    assert training.lines[0].get_xdata()[-1] == 4 * 119.5, "records of all passes"
    assert [list(line.get_xdata()) for line in validation.lines] == [[800], [800]]
    assert [list(line.get_ydata()) for line in validation.lines] == [[1.5], [1.5]]


def test_right_answers_are_means_over_seeds_by_task_and_records_seen(results: Path) -> None:
    pm, sa = figure(results, "validation").axes
    assert (pm.get_title(loc="left"), sa.get_title(loc="left")) == ("Product Matching (PM)", "SA")
    assert [tuple(point) for line in pm.lines for point in line.get_xydata()] == [(800, 0.4)]


def test_logs_without_right_answers_say_so(results: Path) -> None:
    for log in results.glob("adapters/*/*/log.jsonl"):
        write_jsonl(log, [{"step": 1, "records": 4, "loss": 2.0}])
    (axes,) = figure(results, "validation").axes
    assert "No log has" in axes.get_title(loc="left")
    assert axes.lines[:] == []


def test_a_size_that_is_no_number_is_named(results: Path) -> None:
    (results / "sizes.csv").write_text("model,parameters\nEcomGPT,7B\n")
    with pytest.raises(InputError, match="EcomGPT: '7B' is not a whole number"):
        figure(results, "parameters")


def test_inputs_have_no_clock_values() -> None:
    chosen = settings()
    assert not [path for path in input_files(chosen) if "cost" in path or "log" in path]
    assert "predictions/Small-EC/seed-1/PM.manifest.json" in input_files(chosen)


@given(st.lists(st.floats(1e6, 1e15), min_size=1, max_size=5))
def test_an_axis_of_quantities_has_round_numbers_two_at_least(places: list[float]) -> None:
    axes = Figure().subplots()
    quantity_axis(axes, places, ((1e9, "G"),))
    low, high = axes.get_xlim()
    numbers = [number for number in axes.get_xticks() if low <= number <= high]
    assert len(numbers) >= 2
    assert {f"{number:e}"[0] for number in numbers} <= {"1", "2", "5"}
    assert all(low <= place <= high for place in places)


def test_a_subscript_is_drawn_as_one_and_a_dollar_in_a_title_begins_no_formula() -> None:
    scored = TaskScores(task="AG", title="Costs $1 to $2", metric="F_BERT", records=4, points=())
    with styled():
        figure, (axes, *_) = task_panels([scored], 0)
        assert axes.yaxis.label.get_parse_math()
        titles = [text for text in figure.findobj(Text) if "$1" in text.get_text()]
        assert titles
        assert not any(text.get_parse_math() for text in titles)
        figure.canvas.draw()


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
def test_titles_stay_inside_the_figure_however_wide_its_panels(tasks: int) -> None:
    scored = [
        TaskScores(task=f"T{number}", title="Topic", metric="F1", records=4, points=())
        for number in range(tasks)
    ]
    with styled():
        figure, _ = task_panels(scored, 0)
        figure.canvas.draw()
        titles = [text for text in figure.findobj(Text) if text.get_text().startswith("Topic")]
        assert len(titles) == tasks
        assert all(title.get_window_extent().x0 >= 0 for title in titles)


def test_a_code_that_is_all_of_a_title_stands_there_once() -> None:
    names = [
        TaskScores(task=code, title="Topic", metric="F1", records=4, points=()).name
        for code in ("Topic", "TOP")
    ]
    assert names == ["Topic", "Topic (TOP)"]
