"""Draws one score: its marker, its interval, and the signs of values that cannot be compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from ecslm.figures.scores import Point
from ecslm.figures.style import PAPER, SOFT, Look, looks
from ecslm.tables.model import score_text
from ecslm.tables.settings import ModelContext

# Published rows and simple baselines are no family of models.
OUTSIDE = {"published": "X", "baseline": "|"}

Segment = list[tuple[float, float]]


@dataclass(frozen=True)
class Drawing:
    """Draws points: a family's colour and shape, filled if tuned, hollow if not, or if the value
    cannot be compared with others; a dashed interval may be too narrow."""

    models: Mapping[str, ModelContext]

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
        return point.comparable and not point.chosen and (model is None or model.tuned)

    def draw(self, axes: Axes, placed: Iterable[tuple[Point, float]], *, upright: bool) -> None:
        """Draw points and their intervals: with `upright` scores go up, otherwise to the right.

        Those that look alike are one artist each, which takes a tenth of the time.
        """
        bars: dict[tuple[str, bool], list[Segment]] = {}
        markers: dict[tuple[Look, bool], list[tuple[float, float]]] = {}
        for point, place in placed:
            look = self.look(point)
            markers.setdefault((look, self.filled(point)), []).append((place, point.value))
            if point.interval is not None:
                ends = [(place, point.interval.low), (place, point.interval.high)]
                bars.setdefault((look.colour, point.reliable), []).append(ends)
        for (colour, reliable), segments in bars.items():
            style = "solid" if reliable else (0, (2, 1))
            turned = segments if upright else [_turned(ends) for ends in segments]
            axes.add_collection(LineCollection(turned, colors=colour, linestyles=[style]))
        for (look, filled), places in markers.items():
            x, y = zip(*(places if upright else _turned(places)), strict=True)
            axes.plot(x, y, **marker(look, filled))


def _turned(points: Iterable[tuple[float, float]]) -> Segment:
    return [(y, x) for x, y in points]


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


def name_text(point: Point) -> str:
    """The row's name, with the marks of values that were measured on other data, and of those that
    were chosen by the test records."""
    marks = "‡" * point.other_data + "\N{SECTION SIGN}" * point.chosen
    return f"{point.row}\N{NO-BREAK SPACE}{marks}" if marks else point.row


def value_text(point: Point) -> str:
    """The value, with the marks of an interval that may be too narrow and of twice a recall."""
    return score_text(point.value) + ("" if point.reliable else "*") + "†" * point.doubled
