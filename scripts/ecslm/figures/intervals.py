"""A task's scores with their 95 % intervals, a line for each row."""

from matplotlib.figure import Figure

from ecslm.common.text import number_of
from ecslm.figures.points import Drawing, name_text, value_text
from ecslm.figures.scores import Point, TaskScores
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import COLUMN, SMALL, SOFT, axis_end, label_metric

LINE_HEIGHT, AROUND = 0.145, 0.6


def draw_intervals(scores: TaskScores, settings: FiguresSettings) -> Figure:
    """The figure of a task: published rows, the best simple baseline, the models.

    A dotted line goes through all rows at the value of that baseline.
    """
    points = points_shown(scores)
    drawing = Drawing(settings.models)
    lines = max(1, len(points))
    figure = Figure(figsize=(COLUMN, LINE_HEIGHT * lines + AROUND))
    records = "" if scores.records is None else f", {number_of(scores.records, 'record')}"
    title = f"{scores.name}{records}"
    figure.suptitle(title, x=0.01, horizontalalignment="left", fontsize=8)
    axes = figure.subplots()
    label_metric(axes.xaxis, scores.metric)
    axes.set_xlim(0, axis_end(point.value for point in points))
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_yticks(range(len(points)), [name_text(point) for point in points])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    if scores.simple:
        axes.axvline(scores.simple.value, color=SOFT, linestyle="dotted")
    drawing.draw(axes, zip(points, range(len(points)), strict=True), upright=False)
    for place, point in enumerate(points):
        axes.annotate(
            value_text(point),
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=SMALL,
        )
    return figure


def points_shown(scores: TaskScores) -> list[Point]:
    """The points of the figure, in the order of the table's rows."""
    simple = scores.simple.name if scores.simple else None
    return [one for one in scores.points if one.kind != "baseline" or one.row == simple]
