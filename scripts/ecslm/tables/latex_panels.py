"""Lays a panel out for templates: column types, heads and cells as LaTeX."""

import re
from collections.abc import Sequence
from itertools import groupby

from ecslm.tables.latex import Tex, escape, metric_name
from ecslm.tables.model import Cell, IntervalsPlace, Panel, Row

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

    Attributes:
        title: what it adds to the title of its float.
        has_spreads: whether intervals or standard deviations are shown.
        types: types of all columns but that of the row names.
        width: number of columns, those of the row names and of what they measure included.
        heads: what the columns are; equal neighbours share a head.
        details: a second line of heads, if any column has one.
        records: a line with the number of records, if any column has one.
    """

    def __init__(
        self, panel: Panel, intervals: IntervalsPlace, dense: bool = False, float_title: str = ""
    ) -> None:
        self.head, self.groups = panel.head, panel.groups
        self.detailed = any(row.detail for row in panel.rows)
        title = panel.title.removeprefix(float_title).removeprefix(": ")
        self.title = title[:1].upper() + title[1:]
        self._below = intervals == "below"
        self._columns = [_Column(panel, at, intervals, dense) for at in range(len(panel.columns))]
        self.has_spreads = any(column.has_spreads for column in self._columns)
        self.types = Tex("".join(column.type for column in self._columns))
        self.width = 1 + self.detailed + sum(column.width for column in self._columns)
        found = groupby(self._columns, key=lambda column: column.header.text)
        spans = ((text, sum(column.width for column in same)) for text, same in found)
        self.heads = Tex("".join(_spanning(escape(text), width) for text, width in spans))
        headers = [column.header for column in self._columns]
        self.details = self._line([metric_name(one.detail) for one in headers])
        records = (one.records for one in headers)
        self.records = self._line(["" if one is None else escape(f"{one:,}") for one in records])

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

    def _line(self, texts: Sequence[str]) -> Tex | None:
        """A line of heads, if any column has one."""
        spanned = zip(texts, self._columns, strict=True)
        line = "".join(_spanning(text, column.width) for text, column in spanned)
        return Tex(line) if any(texts) else None


class _Column:
    """A column; with intervals beside its numbers, two in LaTeX.

    Attributes:
        width: how many columns it takes in LaTeX.
        type: text left, counts right, numbers aligned at the decimal point.
    """

    def __init__(self, panel: Panel, at: int, intervals: IntervalsPlace, dense: bool) -> None:
        self.header = panel.columns[at]
        cells = [row.cells[at] for row in panel.rows]
        self._is_number = self.header.form == "number"
        shown = intervals != "none" and self._is_number
        self.has_spreads = shown and any(one.interval or one.sd is not None for one in cells)
        self._beside = self.has_spreads and intervals == "beside"
        self._size = r"\fontsize{6}{7}\selectfont" if dense else r"\scriptsize"
        self.width = 2 if self._beside else 1
        numbers = [match for one in cells if (match := re.fullmatch(NUMBER, one.shown))]
        self._decimals = max((len(match[3]) for match in numbers), default=3)
        # As wide as any signs in the column: single ones are about as wide.
        self._widest_sign = max(map(_sign, cells), key=len, default="")
        before = max((len(match[2]) for match in numbers), default=1)
        minus = "-" if any(match[1] for match in numbers) else ""
        room = f",table-space-text-post={self._widest_sign}" if self._widest_sign else ""
        self.type = f"S[table-format={minus}{before}.{self._decimals}{room}]"
        self.type += "@{\\hspace{2pt}}l" if self._beside else ""
        if not self._is_number:
            self.type = "l" if self.header.form == "text" else "r"

    def text(self, cell: Cell) -> str:
        """The cell, in the form that the type needs."""
        beside = f" & {self.spread(cell)}" if self._beside else ""
        if self._is_number:
            return f" & {self._number(cell)}{beside}"
        is_metric = self.header.key == "metric"
        return f" & {metric_name(cell.shown) if is_metric else escape(cell.shown)}"

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

    def _number(self, cell: Cell) -> str:
        match = re.fullmatch(NUMBER, cell.shown)
        # A whole number would hang to the left of the decimal points, so that it is centred.
        if match is None or (self._decimals and not match[3]):
            return f"{{{escape(cell.shown)}}}"
        sign = _sign(cell)
        if "second" in cell.marks:
            # A braced entry is centred: the phantom aligns it with entries that have a sign.
            after = sign or (rf"\phantom{self._widest_sign}" if self._widest_sign else "")
            return rf"{{\underline{{{cell.shown}}}{after}}}"
        bold = "\\bfseries " if {"best", "significant"}.intersection(cell.marks) else ""
        return f"{bold}{cell.shown} {sign}".rstrip()


def _sign(cell: Cell) -> str:
    return "".join(sign for mark, sign in SIGNS.items() if mark in cell.marks)


def _spanning(text: str, width: int) -> str:
    """A centred entry over some columns."""
    return f" & {{{text}}}" if width == 1 else rf" & \multicolumn{{{width}}}{{c}}{{{text}}}"


def _short(value: float) -> str:
    text = f"{round(value, 3) + 0.0:.3f}"  # no "-.000"
    text = text.replace("0.", ".", 1) if abs(value) < 1 else text
    return text.replace("-", "$-$")
