"""The style of all figures, and how they are written: the same bytes each time.

Colours have a contrast of at least 3 with white paper and with the page's dark background, and
differ from each other under the common kinds of colour blindness (simulated as by G. M. Machado et
al., 2009); shapes tell families apart where there is no colour.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import BytesIO

from matplotlib import style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ecslm.common.text import with_code
from ecslm.figures.settings import FiguresSettings

# Widths in inches: a column of a paper that has two, and a page's text.
COLUMN, PAGE = 3.4, 6.9

# Those of the page, which replaces them where it is dark.
INK, SOFT, LINE, PAPER = "#1b1f24", "#59636e", "#d1d9e0", "#ffffff"
COLOURS = ("#2497fd", "#f36c03", "#5d9860", "#7335fe", "#d21a2d", "#d46fbd", "#bb17b6")
SHAPES = ("o", "s", "^", "D", "v", "p", "h")
SMALL = 6.5

SETTINGS = {
    "font.family": "sans-serif",
    # It comes with matplotlib: others may be missing.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.titlelocation": "left",
    "axes.titlepad": 3,
    "axes.labelsize": 7,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.minor.size": 0,
    "lines.linewidth": 1,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    # Text stays text in SVG, and TrueType fonts in PDF, so that it can be searched and edited.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    # A title may have a dollar sign, which would begin a formula.
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Look:
    """How the models of a family are drawn."""

    colour: str
    shape: str


PUBLISHED, BASELINE = Look(SOFT, "X"), Look(SOFT, "|")


def looks(families: Iterable[str]) -> dict[str, Look]:
    """The look of each family, the same in all figures of a study.

    Where colours begin again, shapes are shifted, so that no two of 49 families look alike.
    """
    found = {}
    for number, family in enumerate(sorted(set(families))):
        rounds, colour = divmod(number, len(COLOURS))
        found[family] = Look(COLOURS[colour], SHAPES[(number + rounds) % len(SHAPES)])
    return found


@contextmanager
def styled() -> Iterator[None]:
    """Draw and write in the project's style, whatever style the user has set for other work."""
    with style.context(["default", SETTINGS]):
        yield


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
    return with_code(settings.tasks[task].title, task) if task in settings.tasks else task


def label_metric(axis: Axis, name: str) -> None:
    """Label an axis by a metric; what follows an underscore becomes a subscript: F_BERT."""
    stem, _, subscript = name.partition("_")
    # The only formula that figures have.
    axis.set_label_text(rf"{stem}$_\mathrm{{{subscript}}}$" if subscript else stem, parse_math=True)


def axis_end(values: Iterable[float]) -> float:
    """The end of an axis of scores: 1, or more for values that were printed as twice a recall."""
    return max([1.0, *values]) * 1.03
