"""Lays a panel out for templates: column types, heads and cells as LaTeX."""

import re
from collections.abc import Callable
from functools import cached_property
from itertools import groupby

from ecslm.tables.latex import Tex, escape, metric_name
from ecslm.tables.model import Cell, HeaderCell, IntervalsPlace, Panel, Row

NUMBER = r"(-?)(\d+)\.?(\d*)"
# Signs after a number, by its mark; smashed, so that they do not make the line higher.
SIGNS = {
    "doubled": r"{\smash{$^{\dagger}$}}",
    "below_simple": r"{\smash{$^{\downarrow}$}}",
    "constant": r"{\smash{$^{=}$}}",
}
ROW_SIGNS = {"other_data": r"$^{\ddagger}$", "chosen": r"\,\S{}"}


class PanelLayout:
    """A panel, with intervals below or beside its numbers, or without any.

    Texts of a line of cells begin with `&`. In a dense panel intervals are smaller.
    """

    def __init__(
        self, panel: Panel, intervals: IntervalsPlace, dense: bool = False, float_title: str = ""
    ) -> None:
        self.head, self.groups = panel.head, panel.groups
        self.detailed = any(row.detail for row in panel.rows)
        # What it adds to the title of its float.
        title = panel.title.removeprefix(float_title).removeprefix(": ")
        self.title = title[:1].upper() + title[1:]
        self._below = intervals == "below"
        self._columns = [_Column(panel, at, intervals, dense) for at in range(len(panel.columns))]

    @property
    def has_spreads(self) -> bool:
        """Whether intervals or standard deviations are shown."""
        return any(column.has_spreads for column in self._columns)

    @property
    def types(self) -> Tex:
        """Types of all columns but that of the row names."""
        return Tex("".join(column.type for column in self._columns))

    @property
    def width(self) -> int:
        """Number of columns, those of the row names and of what they measure included."""
        return 1 + self.detailed + sum(column.width for column in self._columns)

    @property
    def heads(self) -> Tex:
        """What the columns are; equal neighbours share a head."""
        found = groupby(self._columns, key=lambda column: column.header.text)
        spans = ((text, sum(column.width for column in same)) for text, same in found)
        return Tex("".join(_spanning(escape(text), width) for text, width in spans))

    @property
    def details(self) -> Tex | None:
        """A second line of heads, if any column has one."""
        return self._line(lambda header: header.detail and metric_name(header.detail))

    @property
    def records(self) -> Tex | None:
        """A line with the number of records, if any column has one."""
        return self._line(
            lambda header: "" if header.records is None else escape(f"{header.records:,}")
        )

    def name(self, row: Row) -> Tex:
        """A row's name with its signs."""
        signs = "".join(sign for mark, sign in ROW_SIGNS.items() if mark in row.marks)
        return Tex((r"\quad published" if "follows" in row.marks else escape(row.name)) + signs)

    def cells(self, row: Row) -> Tex:
        """A row's cells."""
        pairs = zip(self._columns, row.cells, strict=True)
        return Tex("".join(column.text(cell) for column, cell in pairs))

    def spreads(self, row: Row) -> Tex | None:
        """A line of intervals or standard deviations below a row's cells, if there is one."""
        pairs = zip(self._columns, row.cells, strict=True) if self._below else ()
        spreads = [column.spread(cell) for column, cell in pairs]
        return Tex("".join(f" & {text}" for text in spreads)) if any(spreads) else None

    def _line(self, text_of: Callable[[HeaderCell], str]) -> Tex | None:
        texts = [text_of(column.header) for column in self._columns]
        if not any(texts):
            return None
        spanned = zip(texts, self._columns, strict=True)
        return Tex("".join(_spanning(text, column.width) for text, column in spanned))


class _Column:
    """A column; with intervals beside its numbers, two in LaTeX."""

    def __init__(self, panel: Panel, at: int, intervals: IntervalsPlace, dense: bool) -> None:
        self.header = panel.columns[at]
        self._cells = [row.cells[at] for row in panel.rows]
        self._is_number = self.header.form == "number"
        shown = intervals != "none" and self._is_number
        self.has_spreads = shown and any(map(_has_spread, self._cells))
        self._beside = self.has_spreads and intervals == "beside"
        self._size = r"\fontsize{6}{7}\selectfont" if dense else r"\scriptsize"

    @property
    def width(self) -> int:
        """How many columns it takes in LaTeX."""
        return 2 if self._beside else 1

    @property
    def type(self) -> str:
        """Text left, counts right, numbers aligned at the decimal point."""
        if not self._is_number:
            return "l" if self.header.form == "text" else "r"
        sign = "-" if any(match[1] for match in self._numbers) else ""
        before = max((len(match[2]) for match in self._numbers), default=1)
        options = f"table-format={sign}{before}.{self._decimals}"
        if self._widest_sign:
            options += f",table-space-text-post={self._widest_sign}"
        return f"S[{options}]" + ("@{\\hspace{2pt}}l" if self._beside else "")

    def text(self, cell: Cell) -> str:
        """The cell, in the form that the type needs."""
        beside = f" & {self.spread(cell)}" if self._beside else ""
        return f" & {self._number(cell) if self._is_number else self._text(cell)}{beside}"

    def spread(self, cell: Cell) -> str:
        """The cell's interval, or else its standard deviation over seeds, in short form:
        [.463,.527]."""
        if not self._is_number:
            return ""
        if cell.interval is not None:
            low, high = _short(cell.interval.low), _short(cell.interval.high)
            # Below a number, without a width of its own, which would make the column wider.
            star = "*" if self._beside else r"\rlap{*}"
            mark = "" if cell.interval.reliable else star
            return f"{{{self._size} [{low},{high}]{mark}}}"
        return "" if cell.sd is None else rf"{{{self._size} $\pm${_short(cell.sd)}}}"

    def _text(self, cell: Cell) -> str:
        return metric_name(cell.shown) if self.header.key == "metric" else escape(cell.shown)

    def _number(self, cell: Cell) -> str:
        match = re.fullmatch(NUMBER, cell.shown)
        # A whole number would hang to the left of the decimal points, so that it is centred.
        if match is None or (self._decimals and not match[3]):
            return f"{{{escape(cell.shown)}}}"
        sign = _sign(cell)
        if "best" in cell.marks or "significant" in cell.marks:
            return rf"\bfseries {cell.shown} {sign}".rstrip()
        if "second" in cell.marks:
            # A braced entry is centred: the phantom aligns it with entries that have a sign.
            after = sign or (rf"\phantom{self._widest_sign}" if self._widest_sign else "")
            return rf"{{\underline{{{cell.shown}}}{after}}}"
        return f"{cell.shown} {sign}".rstrip()

    @cached_property
    def _numbers(self) -> list[re.Match[str]]:
        found = (re.fullmatch(NUMBER, cell.shown) for cell in self._cells)
        return [match for match in found if match]

    @cached_property
    def _decimals(self) -> int:
        return max((len(match[3]) for match in self._numbers), default=3)

    @cached_property
    def _widest_sign(self) -> str:
        """Signs as wide as any in the column, empty without any: single ones are about as wide."""
        return max(map(_sign, self._cells), key=len, default="")


def _sign(cell: Cell) -> str:
    return "".join(sign for mark, sign in SIGNS.items() if mark in cell.marks)


def _spanning(text: str, width: int) -> str:
    """A centred entry over some columns."""
    return f" & {{{text}}}" if width == 1 else rf" & \multicolumn{{{width}}}{{c}}{{{text}}}"


def _has_spread(cell: Cell) -> bool:
    return cell.interval is not None or cell.sd is not None


def _short(value: float) -> str:
    text = f"{round(value, 3) + 0.0:.3f}"  # no "-.000"
    text = text.replace("0.", ".", 1) if abs(value) < 1 else text
    return text.replace("-", "$-$")
