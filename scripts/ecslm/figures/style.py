"""What all figures share: their style, panels, legends and points, and how they are written, the
same bytes each time.

Colours have a contrast of at least 3 with white paper and with the page's dark background, and
differ from each other under the common kinds of colour blindness (simulated as by G. M. Machado et
al., 2009); shapes tell families apart where there is no colour.
"""

import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from html import escape
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from ecslm.common.files import read_text
from ecslm.figures.settings import FiguresSettings

# Widths in inches: a column of a paper that has two, and a page's text.
COLUMN, PAGE = 3.4, 6.9

# Those of the page, which replaces them where it is dark.
INK, SOFT, LINE, PAPER = "#1b1f24", "#59636e", "#d1d9e0", "#ffffff"
COLOURS = ("#2497fd", "#f36c03", "#5d9860", "#7335fe", "#d21a2d", "#d46fbd", "#bb17b6")
SHAPES = ("o", "s", "^", "D", "v", "p")

# Panels side by side, at most, and the height of each; of the legend above them.
SIDE_BY_SIDE, HEIGHT = 5, 1.5
LEGEND_COLUMNS, LEGEND_LINE, BELOW = 4, 0.16, 0.35
# Of five panels side by side; fewer ones are wider.
TITLE_CHARACTERS = 21
# Above the numbers of the axis, since some titles are wider than a panel: so much of its width.
TITLE_PLACE = -0.3


class Look(NamedTuple):
    """How the models of a family are drawn."""

    colour: str
    shape: str


PUBLISHED, BASELINE = Look(SOFT, "X"), Look(SOFT, "|")


def looks(families: Iterable[str]) -> dict[str, Look]:
    """The look of each family, the same in all figures of a study: no two of 42 look alike."""
    return dict(zip(sorted(set(families)), map(Look, cycle(COLOURS), cycle(SHAPES)), strict=False))


def styled(sheet: Path) -> AbstractContextManager[None]:
    """Draw and write in the project's style, whatever style the user has set for other work.

    Args:
        sheet: a style sheet of matplotlib.

    Raises:
        InputError: it is no text.
    """
    # A file that is no text is named.
    read_text(sheet)
    return style.context(["default", sheet])


def as_files(figure: Figure, name: str, text: str) -> tuple[str, bytes]:
    """The figure as SVG and as PDF, without the time.

    Args:
        name: makes the identifiers in the SVG its own.
        text: describes the figure, as the first element of the SVG, where screen readers look.
    """
    # Here, not as the figure's own layout, with which each file would be drawn twice.
    ConstrainedLayoutEngine().execute(figure)
    svg, pdf = BytesIO(), BytesIO()
    with style.context({"svg.hashsalt": name}):
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    figure.savefig(pdf, format="pdf", transparent=True, metadata={"CreationDate": None})
    described = f" <desc>{escape(text)}</desc>\n <metadata>"
    return svg.getvalue().decode().replace(" <metadata>", described, 1), pdf.getvalue()


def task_title(settings: FiguresSettings, task: str) -> str:
    """What a task is called above a panel."""
    title = settings.context.tasks[task].title
    return title if title == task else f"{title} ({task})"


def label_metric(axis: Axis, name: str) -> None:
    """Label an axis by a metric; what follows an underscore becomes a subscript: F_BERT."""
    stem, _, subscript = name.partition("_")
    # The only formula that figures have.
    axis.set_label_text(rf"{stem}$_\mathrm{{{subscript}}}$" if subscript else stem, parse_math=True)


def axis_end(values: Iterable[float]) -> float:
    """The end of an axis of scores: 1, or more for values that were printed as twice a recall."""
    return max([1.0, *values]) * 1.03


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


def add_legend(figure: Figure, handles: Iterable[Line2D]) -> None:
    """The legend, above the panels."""
    figure.legend(handles=list(handles), loc="outside upper left", ncols=LEGEND_COLUMNS)


def line_handle(text: str, linestyle: Any, color: str = SOFT) -> Line2D:
    """The legend entry of a line."""
    return Line2D([], [], label=text, color=color, linestyle=linestyle, linewidth=0.8)


def draw_point(axes: Axes, row: Any, place: float, *, upright: bool) -> None:
    """Draw the marker and the interval of a row of the frame of scores: with `upright` scores go
    up, otherwise to the right. A dashed interval may be too narrow.

    Args:
        place: on the other axis.
    """
    line = {"color": row.look.colour, "linestyle": "solid" if row.reliable else (0, (2, 1))}
    dot = marker(row.look, row.filled)
    for values, options in (((row.low, row.high), line), ((row.value,), dot)):
        places = [place] * len(values)
        axes.plot(*((places, values) if upright else (values, places)), **options)


def marker(look: Look, filled: bool) -> dict[str, Any]:
    """The options of a marker. A hollow one has the colour of the paper in it."""
    # A cross has little room in it.
    size, edge = (5.5, 0.7) if look.shape == "X" else (4, 1.0)
    return {
        "color": look.colour,
        "marker": look.shape,
        "linestyle": "none",
        "markerfacecolor": look.colour if filled else PAPER,
        "markersize": size,
        "markeredgewidth": edge,
        # At the ends of an axis it is drawn whole.
        "clip_on": False,
    }
