"""Claims about one model: its scores beside published, simple and untuned ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecslm.comparisons.proportions import newcombe_interval
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.model import Cell, Interval
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
        invalid: the share of its answers that are invalid.
        like: its score without regard to the form of its answers.
        limited: whether that is the score of answers limited to valid ones, not the lenient one.
        tuning: the difference to the limited answers, or else to the free ones, marked where it is
            significant.
        simple: the best simple baseline.
        beating: the difference to it, marked where it is significant.
        rounding: how much the published value may be off, since it was rounded.
        proportion: whether the score is the share of the records with a right answer.
    """

    task: str
    n: int
    ours: Cell
    general: Named | None
    untuned: Cell
    invalid: Cell
    like: Cell
    limited: bool
    tuning: Cell
    simple: Named | None
    beating: Cell
    rounding: float
    proportion: bool

    @property
    def value(self) -> float | None:
        """The model's score."""
        return self.ours.value if isinstance(self.ours.value, float) else None

    @property
    def interval(self) -> Interval | None:
        """The interval of the score minus the published one.

        A published proportion is binomial, with as many records as ours, since these are the same;
        other published values are taken as exact.
        """
        own, value, general = self.ours.interval, self.value, self.general
        if own is None or value is None or general is None:
            return None
        exact = general.value, general.value
        binomial = wilson_interval(general.value * self.n, self.n, CONFIDENCE)
        other = binomial if self.proportion else exact
        low, high = newcombe_interval((value, general.value), ((own.low, own.high), other))
        return Interval(low, high, own.reliable)

    @property
    def against_general(self) -> Position | None:
        """Where that interval lies, whatever digits the published value lost by rounding."""
        return None if self.interval is None else position(self.interval, 0.0, self.rounding)

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

    def margin(self, share: float) -> float | None:
        """A share of what the published model gains over the best simple baseline, if anything.

        Source: Non-inferiority clinical trials, FDA, 2016 (a margin that preserves most of the
        effect).
        """
        if self.general is None or self.simple is None:
            return None
        return share * max(0.0, self.general.value - self.simple.value)

    def within(self, share: float) -> Within | None:
        """Whether the score is at most that margin below the published one."""
        margin = self.margin(share)
        if self.interval is None or margin is None:
            return None
        return within(self.interval, 0.0, margin + self.rounding)

    @property
    def against_simple(self) -> Position | None:
        """Where the interval lies, relative to the best simple baseline."""
        if self.ours.interval is None or self.simple is None:
            return None
        return position(self.ours.interval, self.simple.value)

    @property
    def reliable(self) -> bool:
        """Whether the interval is as wide as it should be."""
        return self.ours.interval is not None and self.ours.interval.reliable


def tested(difference: Cell) -> int | None:
    """1: significantly better, -1: worse, 0: neither; None if not tested."""
    if not isinstance(difference.value, float):
        return None
    return advantage(difference.value, 0.0) if "significant" in difference.marks else 0


def best(cells: Mapping[str, Cell]) -> Named | None:
    """The row with the largest value, of equal ones the first; values on another scale, which are
    marked `doubled`, do not count."""
    known = [
        Named(name, cell, cell.value)
        for name, cell in cells.items()
        if isinstance(cell.value, float) and "doubled" not in cell.marks
    ]
    return max(known, key=lambda one: one.value, default=None)
