"""The rows of a task with their scores and 95 % intervals: a dot for each, one below the other."""

import pandas as pd
from matplotlib.figure import Figure

from ecslm.common.text import number_of
from ecslm.figures.points import described, draw_point
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import COLUMN, SMALL, SOFT, axis_end, label_metric, task_title
from ecslm.tables.model import score_text

LINE_HEIGHT, AROUND = 0.145, 0.6


def draw_intervals(task: str, rows: pd.DataFrame, settings: FiguresSettings) -> tuple[Figure, str]:
    """The figure of a task: published rows, models and the best simple baseline, at whose value a
    dotted line goes through all rows."""
    lines = max(1, len(rows))
    figure = Figure(figsize=(COLUMN, LINE_HEIGHT * lines + AROUND))
    records = rows["records"].dropna().unique()
    title = task_title(settings, task)
    if len(records) == 1:
        title += f", {number_of(int(records[0]), 'record')}"
    figure.suptitle(title, x=0.01, horizontalalignment="left", fontsize=8)
    axes = figure.subplots()
    label_metric(axes.xaxis, settings.tasks[task].metric)
    axes.set_xlim(0, axis_end(rows["value"]))
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows["row"])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    for value in rows.loc[rows["simple"], "value"]:
        axes.axvline(value, color=SOFT, linestyle="dotted")
    for place, row in enumerate(rows.itertuples()):
        draw_point(axes, row, place, upright=False)
        axes.annotate(
            score_text(row.value) + "*" * (not row.reliable) + "†" * row.doubled,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=SMALL,
        )
    return figure, f"{title}, {settings.tasks[task].metric}: {described(rows)}."
