"""Draws one score: its marker and its interval."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from ecslm.figures.style import PAPER, SOFT, Look, looks
from ecslm.tables.model import score_text
from ecslm.tables.settings import ModelContext

PUBLISHED, BASELINE = Look(SOFT, "X"), Look(SOFT, "|")


class Points:
    """Draws points: a family's colour and shape, filled if tuned; hollow if not, or if a published
    value is twice a recall. A dashed interval may be too narrow."""

    def __init__(self, models: Mapping[str, ModelContext]) -> None:
        self._models = models
        self._looks = looks(model.family for model in models.values())

    def look(self, name: str, published: bool = False) -> Look:
        """The look of a row."""
        if published or name not in self._models:
            return PUBLISHED if published else BASELINE
        return self._looks[self._models[name].family]

    def draw(self, axes: Axes, row: Any, place: float, *, upright: bool) -> None:
        """Draw a row of the frame of scores: with `upright` scores go up, otherwise to the right.

        Args:
            place: on the other axis.
        """
        look = self.look(row.row, row.published)
        filled = self._models[row.row].tuned if row.row in self._models else not row.doubled
        for values, options in (
            (
                (row.low, row.high),
                {"color": look.colour, "linestyle": "solid" if row.reliable else (0, (2, 1))},
            ),
            ((row.value,), marker(look, filled)),
        ):
            places = [place] * len(values)
            axes.plot(*((places, values) if upright else (values, places)), **options)


def marker(look: Look, filled: bool) -> dict[str, Any]:
    """The options of a marker. A hollow one has the colour of the paper in it."""
    return {
        "color": look.colour,
        "marker": look.shape,
        "linestyle": "none",
        "markerfacecolor": look.colour if filled else PAPER,
        # A cross has little room in it.
        "markersize": 5.5 if look.shape == "X" else 4,
        "markeredgewidth": 0.7 if look.shape == "X" else 1.0,
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
