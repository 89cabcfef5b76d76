"""Claims about one model: its scores beside the best published, trivial and untuned ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecslm.tables.model import Cell
from ecslm.tables.verdicts import Position, Within, advantage, position, within


@dataclass(frozen=True)
class Named:
    """The cell of a row, with the row's name."""

    name: str
    cell: Cell
    value: float


@dataclass(frozen=True)
class Claim:
    """A model's score in one task and setting, and what it is compared with, where there is that.

    Attributes:
        n: test records.
        value: the strict score, None if it is not defined.
        general: the best published general model; None also where the data are not comparable.
        untuned: the same base, not tuned.
        tuning: the difference of the two, marked where it is significant.
        trivial: the best trivial baseline.
        rounding: how much the published value may be off, since it was rounded.
    """

    task: str
    n: int
    ours: Cell
    general: Named | None
    untuned: Cell
    tuning: Cell
    trivial: Named | None
    rounding: float

    @property
    def value(self) -> float | None:
        """The model's score."""
        return self.ours.value if isinstance(self.ours.value, float) else None

    @property
    def against_general(self) -> Position | None:
        """Where the interval lies; the published value is taken as exact up to rounding."""
        if self.ours.interval is None or self.general is None:
            return None
        return position(self.ours.interval, self.general.value, self.rounding)

    @property
    def difference(self) -> float | None:
        """The score minus the published one."""
        if self.value is None or self.general is None:
            return None
        return self.value - self.general.value

    @property
    def outcome(self) -> int | None:
        """1: the score is higher than the published one, -1: lower, 0: the same as printed."""
        if self.value is None or self.general is None:
            return None
        return advantage(self.value, self.general.value, self.rounding)

    def within(self, margin: float) -> Within | None:
        """Whether the score is at most so much below the published one."""
        if self.ours.interval is None or self.general is None:
            return None
        return within(self.ours.interval, self.general.value, margin + self.rounding)

    @property
    def against_trivial(self) -> Position | None:
        """Where the interval lies, relative to the best trivial baseline."""
        if self.ours.interval is None or self.trivial is None:
            return None
        return position(self.ours.interval, self.trivial.value)

    @property
    def tuned(self) -> int | None:
        """1: significantly better than untuned, -1: worse, 0: neither; None if not compared."""
        if not isinstance(self.tuning.value, float):
            return None
        return advantage(self.tuning.value, 0.0) if "significant" in self.tuning.marks else 0

    @property
    def reliable(self) -> bool:
        """Whether the interval is as wide as it should be."""
        return self.ours.interval is not None and self.ours.interval.reliable


def best(cells: Mapping[str, Cell]) -> Named | None:
    """The row with the largest value, of equal ones the first; values on another scale, which are
    marked `doubled`, do not count."""
    known = [
        Named(name, cell, cell.value)
        for name, cell in cells.items()
        if isinstance(cell.value, float) and "doubled" not in cell.marks
    ]
    return max(known, key=lambda one: one.value, default=None)
