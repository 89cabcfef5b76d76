"""How one score is drawn: its marker, its interval, and the signs of what cannot be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from ecslm.figures.scores import Point
from ecslm.figures.settings import FigureModel
from ecslm.figures.style import PAPER, SOFT, Look, looks
from ecslm.tables.model import score_text

# Published rows and trivial baselines are no family of models.
OUTSIDE = {"published": "X", "baseline": "|"}


@dataclass(frozen=True)
class Drawing:
    """Draws points: a family's colour and shape, filled if tuned, hollow if not, or if the value
    cannot be compared with others; a dashed interval is known to be too narrow."""

    models: Mapping[str, FigureModel]

    @property
    def looks(self) -> dict[str, Look]:
        """The looks of all families of the study."""
        return looks(model.family for model in self.models.values())

    def look(self, point: Point) -> Look:
        """The look of a point."""
        if point.row in self.models:
            return self.looks[self.models[point.row].family]
        return Look(SOFT, OUTSIDE.get(point.kind, "o"))

    def filled(self, point: Point) -> bool:
        """Whether the marker is filled."""
        model = self.models.get(point.row)
        return point.comparable and (model is None or model.tuned)

    def across(self, axes: Axes, point: Point, place: float) -> None:
        """Draw a point with its interval from left to right, at a height."""
        low, high = _ends(point)
        axes.plot([low, high], [place, place], **self._line(point))
        axes.plot([point.value], [place], **self._marker(point))

    def upright(self, axes: Axes, point: Point, place: float) -> None:
        """Draw a point with its interval from bottom to top, at a place."""
        low, high = _ends(point)
        axes.plot([place, place], [low, high], **self._line(point))
        axes.plot([place], [point.value], **self._marker(point))

    def _line(self, point: Point) -> dict[str, Any]:
        style = "solid" if point.reliable else (0, (2, 1))
        return {"color": self.look(point).colour, "linestyle": style, "solid_capstyle": "butt"}

    def _marker(self, point: Point) -> dict[str, Any]:
        look = self.look(point)
        return marker(look, self.filled(point))


def marker(look: Look, filled: bool) -> dict[str, Any]:
    """The options of a marker. A hollow one has the colour of the paper in it."""
    return {
        "color": look.colour,
        "marker": look.shape,
        "linestyle": "none",
        "markerfacecolor": look.colour if filled else PAPER,
        "markeredgewidth": 1.0,
        # At the ends of an axis it is drawn whole.
        "clip_on": False,
    }


def name_text(point: Point) -> str:
    """The row's name, with the mark of values that were measured on other data."""
    return f"{point.row}\N{NO-BREAK SPACE}‡" if point.other_data else point.row


def value_text(point: Point) -> str:
    """The value, with the marks of an interval that is too narrow and of twice a recall."""
    return score_text(point.value) + ("" if point.reliable else "*") + "†" * point.doubled


def _ends(point: Point) -> tuple[float, float]:
    if point.interval is None:
        return point.value, point.value
    return point.interval.low, point.interval.high
