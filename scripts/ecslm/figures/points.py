"""Draws one score: its marker and its interval."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from ecslm.figures.style import PAPER, Look
from ecslm.tables.model import score_text


def draw_point(axes: Axes, row: Any, place: float, *, upright: bool) -> None:
    """Draw a row of the frame of scores: with `upright` scores go up, otherwise to the right. A
    dashed interval may be too narrow.

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


def described(rows: pd.DataFrame) -> str:
    """The values of rows in words, with their intervals."""
    return ", ".join(
        f"{row.row} {score_text(row.value)}"
        + ("" if pd.isna(row.low) else f" ({score_text(row.low)} to {score_text(row.high)})")
        for row in rows.itertuples()
    )
