"""What figures show of small hand-made results."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from support.project import STYLE
from support.table_files import (
    IND,
    TASKS,
    scores,
    write_metrics,
    write_over_seeds,
    write_published,
    write_simple,
    write_tidy,
)

from ecslm.common.files import write_jsonl
from ecslm.figures.draw import draw_figures, quantity_axis
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import label_metric, styled, titled_panels

SMALL = {"family": "Small", "multiplied": 900}
MODELS: dict[str, Any] = {
    "Small": SMALL,
    "Small-1shot": SMALL | {"shots": 1},
    "Other": {"family": "Other", "multiplied": 9_000},
    "Words": {"family": "words", "learned": True, "share": 0.1},
    "Small-EC": SMALL
    | {"adapter_of": "Small-EC", "trained": [0, 1], "seeds": [0, 1], "share": 1.0},
    "Limited": SMALL | {"limits": "constrained"},
}
VALUES = {
    "Small": 0.3,
    "Limited": 0.9,
    "Other": 0.5,
    "Words": 0.45,
    "always-yes": 0.4,
    "random": 0.2,
}
ROWS = [
    {"group": "Published", "published": ["GPT-4 Turbo"]},
    {"group": "Trivial", "baselines": ["random", "always-yes"]},
    {"group": "Ours", "models": [*MODELS], "followed_by_published": True},
]
UNRELIABLE = {"interval": {"method": "bootstrap", "reliable": False}}


def settings(rows: list[dict[str, Any]], comparable: bool, **table: Any) -> FiguresSettings:
    entry = {"kind": "results", "label": "t", "caption": "", "setting": IND, "rows": rows}
    entry |= {"columns": ["PM", "AVE"], "published_table": "IND"}
    context = {
        "data": {"comparable": comparable},
        "tasks": {code: TASKS[code] for code in ("AVE", "PM", "SA")},
        "models": {name: {"tasks": ["PM"]} | one for name, one in MODELS.items()},
        "baselines": {name: ["PM"] for name in ("always-yes", "random")},
        "simple": {"PM": ["always-yes"]},
    }
    drawn = {"name": "ind", "entry": entry} | table
    return FiguresSettings.model_validate({"tables": [drawn], "context": context})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Scores and logs of a small study."""
    for name, value in VALUES.items():
        write_metrics(tmp_path, name, "PM", {IND: scores(value, n=10)})
    write_metrics(tmp_path, "Small-1shot", "PM", {f"{IND}_1-shot": scores(0.35, n=10)})
    for seed in (0, 1):
        write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.6 + seed / 5, n=10)}, seed)
    write_over_seeds(tmp_path, "Small-EC", "PM", {IND: 0.7})
    write_simple(tmp_path, "PM", "always-yes")
    write_published(tmp_path)
    for seed in (0, 1):
        steps = [{"step": n, "records": 4 * n, "loss": 2 - n / 100} for n in range(1, 121)]
        path = tmp_path / f"adapters/Small-EC/seed-{seed}/log.jsonl"
        write_jsonl(path, [*steps, {"records": 800, "eval_loss": 1.5}])
    return tmp_path


def drawn(
    results: Path, name: str, rows: Any = ROWS, comparable: bool = True, **table: Any
) -> tuple[Figure, str]:
    """One of the figures, and its description."""
    with styled(STYLE):
        wanted = settings(rows, comparable, **table)
        write_tidy(results, wanted.context, results / "study.csv")
        figures = draw_figures(wanted, results)
        return next((figure, text) for one, figure, text in figures if one.name == name)


def rows(axes: Axes) -> dict[str, str]:
    """What stands at both ends of each line of an interval figure."""
    names = [text.get_text() for text in axes.get_yticklabels()]
    return dict(zip(names, (text.get_text() for text in axes.texts), strict=True))


def markers(axes: Axes) -> list[tuple[float, float, bool]]:
    """Place and value of each marker, and whether it is filled."""
    found = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    return [
        (float(x), float(y), line.get_markerfacecolor() == line.get_color())
        for line in found
        for x, y in line.get_xydata()
    ]


def level(axes: Axes) -> dict[float, str]:
    """The lines through a whole panel: value and style."""
    flat = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    return {float(line.get_ydata()[0]): str(line.get_linestyle()) for line in flat}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def test_dots_are_those_of_models_published_rows_and_the_best_simple_baseline(
    results: Path,
) -> None:
    details = {"strict": {"details": UNRELIABLE}}
    write_metrics(results, "Other", "PM", {IND: scores(0.5, n=10, **details)})
    figure, text = drawn(results, "intervals_ind_PM")
    (axes,) = figure.axes
    assert rows(axes) == {
        **{"GPT-4 Turbo": "0.753", "always-yes": "0.400", "Small": "0.300"},
        **{"Small-1shot": "0.350", "Other": "0.500*", "Words": "0.450"},
        **{"Small-EC": "0.700", "Small-EC (published)": "0.720"},
    }
    assert [(place, value) for value, place, filled in markers(axes) if filled] == [
        *((0, 0.753), (1, 0.4), (6, pytest.approx(0.7)), (7, 0.72))
    ]
    assert figure.get_suptitle() == "Product Matching (PM), 10 records"
    assert text.startswith("Product Matching (PM), 10 records, F1: GPT-4 Turbo 0.753, always-yes")
    assert "Small-EC 0.700 (0.680 to 0.720), Small-EC (published) 0.720." in text
    bars = {line.get_ydata()[0]: line for line in axes.lines if len(line.get_xdata()) == 2}
    assert list(bars[4].get_xdata()) == pytest.approx([0.47, 0.53])
    assert [bars[place].get_linestyle() for place in (3, 4)] == ["-", "--"]


def test_a_baseline_that_is_no_row_is_shown_if_it_is_the_best(results: Path) -> None:
    rows_of_one = [{"group": "Ours", "models": ["Small"]}]
    figure, _ = drawn(results, "intervals_ind_PM", rows_of_one)
    assert rows(figure.axes[0]) == {"Small": "0.300", "always-yes": "0.400"}


def test_published_values_of_other_data_are_not_drawn(results: Path) -> None:
    (axes,) = drawn(results, "intervals_ind_PM", comparable=False)[0].axes
    assert [*rows(axes)] == ["always-yes", *(name for name in MODELS if name != "Limited")]


def test_a_value_that_is_twice_a_recall_is_marked_hollow_and_never_the_best(results: Path) -> None:
    (axes,) = drawn(results, "intervals_ind_AVE")[0].axes
    assert rows(axes) == {"GPT-4 Turbo": "0.495", "Small-EC (published)": "0.858†"}
    assert (0.858, 1, False) in markers(axes)
    (_, of_ave) = drawn(results, "computation_ind")[0].axes
    assert set(level(of_ave)) == {0.495}


def test_computation_is_two_operations_for_each_weight(results: Path) -> None:
    figure, text = drawn(results, "computation_ind")
    axes = figure.axes[0]
    assert markers(axes) == [
        *((2 * 900, 0.3, False), (2 * 900, 0.35, False), (2 * 9_000, 0.5, False)),
        (2 * 900, pytest.approx(0.7), True),
    ]
    assert level(axes) == {0.753: "--", 0.4: ":"}
    assert legend(figure) == ["Other", "Small", "best published value", "best simple baseline"]
    assert "Product Matching (PM): GPT-4 Turbo 0.753, always-yes 0.400 (0.370 to 0.430)," in text
    figure, _ = drawn(results, "computation_ind", [{"group": "Ours", "models": ["Small", "Other"]}])
    assert legend(figure)[2:] == ["best simple baseline"], "no entry of what is not drawn"


def test_models_of_a_line_stand_at_their_share_of_the_records(results: Path) -> None:
    figure, _ = drawn(results, "records_ind", shares=[["Words", "Small-EC"]])
    axes = figure.axes[0]
    assert [place for place, _, _ in markers(axes)] == [10, 100]
    assert level(axes) == {0.3: "-.", 0.35: "-.", 0.5: "-.", 0.753: "--", 0.4: ":"}
    assert legend(figure)[:3] == ["Small", "words", "not tuned"]


def test_loss_curves_are_means_over_steps_with_a_line_for_each_seed(results: Path) -> None:
    figure, text = drawn(results, "loss")
    training, validation = figure.axes
    assert [len(line.get_xdata()) for line in training.lines] == [60, 60]
    assert training.lines[0].get_ydata().mean() == pytest.approx(1.395)
    assert training.lines[0].get_xdata()[-1] == 4 * 119.5, "records of all passes"
    assert [line.get_xydata().tolist() for line in validation.lines] == [[[800, 1.5]]] * 2
    assert "Training records, Small-EC, seed 1: from 1.985 to 0.805. " in text


@given(st.lists(st.floats(1e6, 1e15), min_size=1, max_size=5))
def test_an_axis_of_quantities_has_round_numbers_two_at_least(places: list[float]) -> None:
    axes = Figure().subplots()
    quantity_axis(axes, pd.Series(places))
    low, high = axes.get_xlim()
    numbers = [number for number in axes.get_xticks() if low <= number <= high]
    assert len(numbers) >= 2
    assert {f"{number:e}"[0] for number in numbers} == {"1"}
    assert all(low <= place <= high for place in places)


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (2, 2), (5, 5), (6, 3), (7, 4), (11, 4)])
def test_panels_are_spread_evenly_and_titles_stay_inside_the_figure(
    panels: int, columns: int
) -> None:
    with styled(STYLE):
        figure, grid = titled_panels([f"Topic from $1 to $2 ({n})" for n in range(panels)], 0)
        for axes in grid:
            label_metric(axes.yaxis, "F_BERT")
        figure.canvas.draw()
        assert len({round(axes.get_position().x0, 2) for axes in grid}) == columns
        titles = [text for text in figure.findobj(Text) if "$1" in text.get_text()]
        assert len(titles) == panels
        assert all(title.get_window_extent().x0 >= 0 for title in titles)
        assert not any(text.get_parse_math() for text in titles), "a dollar begins no formula"
        assert grid[0].yaxis.label.get_parse_math()
