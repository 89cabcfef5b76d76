"""Scores of all tasks against a quantity on a logarithmic axis: a panel for each task.

Computation is what can be told of cost without a clock: what the same answer takes in seconds or
money depends on the machine, and stands in the table of costs alone.
"""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ecslm.figures.panels import Units, add_legend, in_units, line_handle, titled_panels
from ecslm.figures.points import described, draw_point, marker
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import INK, SOFT, Look, axis_end, label_metric, task_title

# From the outermost points to the ends of the axis, as a factor.
MARGIN = 1.6
# An axis of fewer decades has ticks at 1, 2 and 5; one of more has two powers of ten at least.
SHORT = 2


def draw_against(
    column: str,
    label: str,
    units: Units,
    scores: pd.DataFrame,
    settings: FiguresSettings,
    groups: Sequence[Sequence[str]] = (),
) -> tuple[Figure, str]:
    """The figure: the models that have a quantity, with lines at the best published value and at
    the best simple baseline.

    Args:
        column: of the frame of scores, that has the quantity.
        units: suffixes of numbers on its axis, by the factor of each, from the largest.
        scores: those of a table.
        groups: models that a line goes through; then models that have no quantity, since they were
            not trained, are lines too.
    """
    placed = scores[scores["family"].notna() & scores[column].notna()]
    flat = scores[scores["family"].notna() & scores[column].isna() & bool(groups)]
    # Doubled values never are the best.
    published = scores[scores["published"] & ~scores["doubled"]]
    best = published.loc[published.groupby("task")["value"].idxmax()]
    lines = [
        (flat, "not tuned", "dashdot"),
        (best, "best published value", "dashed"),
        (scores[scores["simple"]], "best simple baseline", "dotted"),
    ]
    handles = _of_models(placed, tell_tuned=not groups)
    for rows, text, style in lines:
        if len(rows):
            handles.append(line_handle(text, style, INK if rows is flat else SOFT))
    titles = {task: task_title(settings, task) for task in scores["task"].unique()}
    figure, panels = titled_panels(list(titles.values()), len(handles))
    for axes, task in zip(panels, titles, strict=True):
        label_metric(axes.yaxis, settings.tasks[task].metric)
        axes.set_ylim(0, axis_end(scores.loc[scores["task"] == task, "value"]))
        quantity_axis(axes, placed[column], units)
        for rows, _, style in lines:
            for row in rows[rows["task"] == task].itertuples():
                colour = row.look.colour if rows is flat else SOFT
                axes.axhline(row.value, color=colour, linestyle=style, linewidth=0.8)
        here = placed[placed["task"] == task].set_index("row", drop=False)
        for group in groups:
            known = here.reindex([name for name in group if name in here.index])
            for look in known["look"][:1]:
                axes.plot(known[column], known["value"], color=look.colour, linewidth=0.8)
        for row in here.itertuples():
            draw_point(axes, row, getattr(row, column), upright=True)
    figure.supxlabel(label, fontsize=7)
    add_legend(figure, handles)
    texts = (f"{of}: {described(scores[scores['task'] == task])}" for task, of in titles.items())
    return figure, f"Scores against: {label}. {'. '.join(texts)}."


def _of_models(placed: pd.DataFrame, *, tell_tuned: bool) -> list[Line2D]:
    """Legend entries of the families of models, and of what tells tuned models from others."""
    looks = sorted(placed.groupby("family")["look"].first().items())
    entries = [(family, look, True) for family, look in looks]
    if tell_tuned and placed["tuned"].nunique() > 1:
        entries += [("tuned", Look(INK, "o"), True), ("not tuned", Look(INK, "o"), False)]
    return [Line2D([], [], label=text, **marker(look, full)) for text, look, full in entries]


def quantity_axis(axes: Axes, quantities: pd.Series, units: Units) -> None:
    """A logarithmic axis for quantities, if there are any, the same in each panel."""
    if quantities.empty:
        return
    low, high = quantities.min(), quantities.max()
    # At least a decade, since fewer than two ticks of the locator would be replaced by linear ones.
    margin = max(MARGIN, math.sqrt(10 * low / high))
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    short = high * margin**2 < low * 10**SHORT
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(in_units(units))
