"""A panel for each task, their legend, and numbers with units on axes."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ecslm.figures.style import COLUMN, PAGE, SOFT

SIDE_BY_SIDE, HEIGHT = 5, 1.5
LEGEND_COLUMNS, LEGEND_LINE, BELOW = 4, 0.16, 0.35
# Of five panels side by side; fewer ones are wider.
TITLE_CHARACTERS = 21
# Above the numbers of the axis, since some titles are wider than a panel: so much of its width.
TITLE_PLACE = -0.3

# Suffixes of numbers, by the factor of each, from the largest.
Units = Sequence[tuple[float, str]]
RECORDS: Units = ((1e6, "M"), (1e3, "k"))
OPERATIONS: Units = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def titled_panels(titles: Sequence[str], entries: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each title, in rows of nearly the same length, and room for so many
    entries of a legend. One panel alone is as wide as a column."""
    rows = -(-len(titles) // SIDE_BY_SIDE)
    columns = -(-len(titles) // rows)
    width = min(PAGE, COLUMN * columns)
    height = HEIGHT * rows + BELOW + LEGEND_LINE * -(-entries // LEGEND_COLUMNS)
    figure = Figure(figsize=(width, height))
    grid = [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
    for unused in grid[len(titles) :]:
        unused.set_axis_off()
    wider = SIDE_BY_SIDE / columns * width / PAGE
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(textwrap.fill(title, round(TITLE_CHARACTERS * wider)), x=TITLE_PLACE / wider)
    return figure, grid[: len(titles)]


def in_units(units: Units) -> FuncFormatter:
    """Numbers of an axis, each with the suffix of the largest unit that it reaches."""

    def text(value: float, _place: int) -> str:
        factor, suffix = next((unit for unit in units if value >= unit[0]), (1, ""))
        return f"{value / factor:g}{suffix}"

    return FuncFormatter(text)


def add_legend(figure: Figure, handles: Iterable[Line2D]) -> None:
    """The legend, above the panels."""
    figure.legend(handles=list(handles), loc="outside upper left", ncols=LEGEND_COLUMNS)


def line_handle(text: str, linestyle: Any, color: str = SOFT) -> Line2D:
    """The legend entry of a line."""
    return Line2D([], [], label=text, color=color, linestyle=linestyle, linewidth=0.8)
