"""Scores of all tasks against a quantity on a logarithmic axis: a panel for each task."""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ecslm.figures.points import Drawing, marker
from ecslm.figures.scores import Point, TaskScores
from ecslm.figures.style import INK, PAGE, SOFT, Look, axis_end, label_metric

SIDE_BY_SIDE, HEIGHT = 5, 1.5
LEGEND_COLUMNS, LEGEND_LINE, BELOW = 4, 0.16, 0.35
# Of five panels side by side; fewer ones are wider.
TITLE_CHARACTERS = 21
# Above the numbers of the axis, since some titles are wider than a panel: so much of its width.
TITLE_PLACE = -0.3
# From the outermost points to the ends of the axis, as a factor.
MARGIN = 1.6
# An axis of fewer decades has ticks at 1, 2 and 5.
SHORT = 1.5

PUBLISHED = Look(SOFT, "X")
BEST_PUBLISHED, BEST_SIMPLE = (0, (5, 2)), "dotted"

# The quantity of a point; None if it has none.
Quantity = Callable[[TaskScores, Point], float | None]
Units = Sequence[tuple[float, str]]


def draw_panels(
    tasks: Sequence[TaskScores], drawing: Drawing, quantity: Quantity, label: str, units: Units
) -> Figure:
    """The figure: points that have a quantity, and the best simple and published values as lines.

    Args:
        label: of the quantity.
        units: suffixes of numbers on its axis, by the factor of each, from the largest.
    """
    placed = [
        [(point, place) for point in one.points if (place := quantity(one, point)) is not None]
        for one in tasks
    ]
    handles = _legend(tasks, drawing, [point for points in placed for point, _ in points])
    figure, panels = task_panels(tasks, len(handles))
    places = [place for points in placed for _, place in points]
    for axes, one, points in zip(panels, tasks, placed, strict=True):
        quantity_axis(axes, places, units)
        draw_references(axes, one)
        drawing.draw(axes, points, upright=True)
    figure.supxlabel(label, fontsize=7)
    add_legend(figure, handles)
    return figure


def task_panels(tasks: Sequence[TaskScores], entries: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for the scores of each task, and room for so many legend entries."""
    figure, grid = titled_panels([one.name for one in tasks], entries)
    for axes, one in zip(grid, tasks, strict=True):
        label_metric(axes.yaxis, one.metric)
        axes.set_ylim(0, axis_end(point.value for point in one.points))
    return figure, grid


def titled_panels(titles: Sequence[str], entries: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each title, and room for so many legend entries."""
    columns = min(SIDE_BY_SIDE, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(PAGE, HEIGHT * rows + BELOW + legend_height(entries)))
    grid = [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
    for unused in grid[len(titles) :]:
        unused.set_axis_off()
    wider = SIDE_BY_SIDE / columns
    for axes, title in zip(grid, titles, strict=False):
        text = textwrap.fill(title, round(TITLE_CHARACTERS * wider))
        axes.set_title(text, x=TITLE_PLACE / wider)
    return figure, grid[: len(titles)]


def quantity_axis(axes: Axes, places: Sequence[float], units: Units) -> None:
    """A logarithmic axis for quantities, if there are any, the same in each panel."""
    if not places:
        return
    low, high = min(places), max(places)
    # At least a decade, since fewer than two ticks of the locator would be replaced by linear ones.
    margin = max(MARGIN, math.sqrt(10 * low / high))
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    short = high * margin**2 < low * 10**SHORT
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(in_units(units))


def in_units(units: Units) -> FuncFormatter:
    """Numbers of an axis with suffixes."""
    return FuncFormatter(lambda value, _: number_text(value, units))


def number_text(value: float, units: Units) -> str:
    """A number with the suffix of the largest unit that it reaches."""
    for factor, suffix in units:
        if value >= factor:
            return f"{value / factor:g}{suffix}"
    return f"{value:g}"


def draw_references(axes: Axes, scores: TaskScores) -> None:
    """Lines at the best published value of a task, and at the best simple baseline."""
    references = ((scores.published, BEST_PUBLISHED), (scores.simple, BEST_SIMPLE))
    for best, style in references:
        if best is not None:
            axes.axhline(best.value, color=SOFT, linestyle=style, linewidth=0.8)


def legend_height(entries: int) -> float:
    """The height in inches of a legend."""
    return LEGEND_LINE * -(-entries // LEGEND_COLUMNS)


def add_legend(figure: Figure, handles: Iterable[Line2D]) -> None:
    """The legend, above the panels."""
    figure.legend(handles=list(handles), loc="outside upper left", ncols=LEGEND_COLUMNS)


def family_handles(drawing: Drawing, points: Iterable[Point]) -> list[Line2D]:
    """Legend entries of the families that the points are of."""
    known = (drawing.models.get(point.row) for point in points)
    families = sorted({model.family for model in known if model is not None})
    return [_handle(name, drawing.looks[name], filled=True) for name in families]


def reference_handles(tasks: Sequence[TaskScores]) -> list[Line2D]:
    """Legend entries of the lines, with what cannot be compared marked."""
    handles = []
    published = [best for one in tasks if (best := one.published)]
    if published:
        other = ", on other data\N{NO-BREAK SPACE}‡" if published[0].other_data else ""
        handles.append(line_handle(f"best published value{other}", BEST_PUBLISHED))
    if any(one.simple for one in tasks):
        handles.append(line_handle("best simple baseline", BEST_SIMPLE))
    return handles


def line_handle(text: str, linestyle: Any, color: str = SOFT) -> Line2D:
    """The legend entry of a line."""
    return Line2D([], [], label=text, color=color, linestyle=linestyle, linewidth=0.8)


def _legend(tasks: Sequence[TaskScores], drawing: Drawing, points: Sequence[Point]) -> list[Line2D]:
    handles = family_handles(drawing, points)
    own = [model for point in points if (model := drawing.models.get(point.row))]
    neutral = Look(INK, "o")
    if any(model.tuned for model in own):
        handles.append(_handle("tuned", neutral, filled=True))
    if not all(model.tuned for model in own):
        handles.append(_handle("not tuned", neutral, filled=False))
    published = [point for point in points if point.kind == "published"]
    if published:
        comparable = all(point.comparable for point in published)
        text = "published" if comparable else "published (hollow: not comparable)"
        handles.append(_handle(text, PUBLISHED, filled=comparable))
    return handles + reference_handles(tasks)


def _handle(text: str, look: Look, *, filled: bool) -> Line2D:
    return Line2D([], [], label=text, **marker(look, filled))
