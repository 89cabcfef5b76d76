"""The data of a table: cells with value, shown text, interval, marks and sources."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Literal

Form = Literal["text", "count", "number"]
Position = Literal["above", "contains", "below"]
IntervalsPlace = Literal["none", "below", "beside"]
RowKind = Literal["model", "baseline", "published", "other"]
# Files that a cell was computed from.
Sources = tuple[str, ...]

MISSING = "--"


@dataclass(frozen=True)
class Interval:
    """A 95 % interval; `reliable` is false where it may be too narrow."""

    low: float
    high: float
    reliable: bool = True

    def position(self, value: float, rounding: float = 0.0) -> Position:
        """Whether it lies above a value, contains it, or lies below it.

        Args:
            rounding: how much smaller or larger the value may be.
        """
        if self.low > value + rounding:
            return "above"
        return "below" if self.high < value - rounding else "contains"


@dataclass(frozen=True)
class Cell:
    """One value, exact and as shown; `sources` are the files it was computed from.

    Marks: `best` and `second` of the competitors, `below_simple` (worse than the best simple
    baseline), `constant` (nearly all answers are the same one), `doubled` (printed as twice a
    recall), `significant` (a difference whose adjusted p is below the level), `undecided` (one that
    would be, but for the Monte Carlo error of p), `few` (one that would be, but for the few records
    that decide it).
    `sd` is the standard deviation over seeds where there are several; `mcc` is Matthews'
    correlation of answers with yes or no.
    """

    value: float | int | str | None = None
    shown: str = MISSING
    interval: Interval | None = None
    sd: float | None = None
    mcc: float | None = None
    marks: tuple[str, ...] = ()
    sources: Sources = ()

    @classmethod
    def of(
        cls, value: float | None, text: Callable[[Any], str], sources: Sources, *marks: str
    ) -> "Cell":
        """A cell without interval; a missing value is shown as missing, never as 0.

        Args:
            text: how a value is shown.
            marks: those of a value.
        """
        if value is None:
            return cls(sources=sources)
        return cls(value, text(value), marks=marks, sources=sources)

    @classmethod
    def score(cls, value: float | None, sources: Sources, *marks: str) -> "Cell":
        """A cell with a score."""
        return cls.of(value, score_text, sources, *marks)

    @classmethod
    def difference(cls, value: float | None, sources: Sources, *marks: str) -> "Cell":
        """A cell with a difference of scores."""
        return cls.of(value, difference_text, sources, *marks)

    @classmethod
    def count(cls, value: int | None, sources: Sources) -> "Cell":
        """A cell with a count, shown with thousands separators."""
        return cls.of(value, "{:,}".format, sources)

    @classmethod
    def text(cls, text: str, sources: Sources = ()) -> "Cell":
        """A cell with a text."""
        return cls(text, text, sources=sources)

    @property
    def number(self) -> float | None:
        """Its number, if it has one that is no count."""
        return self.value if isinstance(self.value, float) else None


@dataclass(frozen=True)
class Simple:
    """The best simple baseline of a task: the name of its row, and its score."""

    name: str
    value: float


@dataclass(frozen=True)
class HeaderCell:
    """The head of a column.

    `records` are the test records of its scores, at most; None where it has none.
    """

    key: str
    text: str
    detail: str = ""
    form: Form = "number"
    records: int | None = None
    simple: Simple | None = None


@dataclass(frozen=True)
class Row:
    """A named row.

    Marks: `other_data` (measured on data other than the study's), `follows` (what was published of
    the row above).
    """

    name: str
    kind: RowKind
    cells: tuple[Cell, ...]
    detail: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowGroup:
    """Rows under a common title."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Panel:
    """Rows that share their columns. `head` is the heading of the row names.

    `float_title` is what its float adds to the caption in LaTeX, if all panels of that have the
    same; its notes are below the float.
    """

    title: str
    head: str
    columns: tuple[HeaderCell, ...]
    groups: tuple[RowGroup, ...]
    float_title: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> Iterator[Row]:
        """The rows of all groups."""
        for group in self.groups:
            yield from group.rows


@dataclass(frozen=True)
class Layout:
    """How LaTeX sets a table: over both columns of a document, and where intervals stand."""

    wide: bool = False
    intervals: IntervalsPlace = "below"


@dataclass(frozen=True)
class Table:
    """A whole table: panels with different columns, and notes that explain the marks in use."""

    name: str
    kind: str
    caption: str
    label: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    """What the table says, in words: paragraphs for the beginning of a report."""
    layout: Layout = Layout()


def score_text(value: float) -> str:
    """A score as it is shown: three decimals."""
    return f"{value:.3f}"


def difference_text(value: float) -> str:
    """A difference of scores as it is shown: three decimals, never "-0.000"."""
    return f"{round(value, 3) + 0.0:.3f}"


def percent_text(share: float, decimals: int = 1) -> str:
    """A share in per cent as it is shown; what is neither none nor all never looks as if it was."""
    shown, least = f"{100 * share:.{decimals}f}", 10.0**-decimals
    if share > 0 and float(shown) == 0:
        return f"<{least:.{decimals}f}"
    if share < 1 and float(shown) == 100:
        return f">{100 - least:.{decimals}f}"
    return shown


def amount_text(value: float) -> str:
    """An amount of any size as it is shown: three significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def row_groups(
    columns: Sequence[HeaderCell],
    groups: Mapping[str, Mapping[str, Mapping[str, Cell]]],
    kind: RowKind = "other",
) -> tuple[RowGroup, ...]:
    """Groups of rows of a kind.

    Args:
        groups: by title, in each the rows by name, in each the cells by the keys of columns.
    """

    def row(name: str, cells: Mapping[str, Cell]) -> Row:
        return Row(name, kind, tuple(cells.get(column.key, Cell()) for column in columns))

    return tuple(
        RowGroup(title, tuple(starmap(row, rows.items()))) for title, rows in groups.items()
    )
