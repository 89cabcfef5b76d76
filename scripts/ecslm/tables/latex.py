"""LaTeX: text that is escaped, templates, and a table as a tabular for each panel, bare and in
floats with caption and notes.

Every printed value is escaped, unless it was made as LaTeX here (`Tex`). A table is one float if it
fits a page. What does not goes to further ones, with a number in their label, which refer to the
notes of the first.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Undefined

from ecslm.common.templates import render_template
from ecslm.tables.model import Cell, HeaderCell, IntervalsPlace, Panel, Row, Table

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{NO-BREAK SPACE}": "~",
    "†": r"\textsuperscript{\textdagger}",
    "‡": r"\textsuperscript{\textdaggerdbl}",
    "\N{DOWNWARDS ARROW}": r"\textsuperscript{$\downarrow$}",
}
NUMBER = re.compile(r"(-?)(\d+)\.?(\d*)")
# Signs after a number, by its mark.
SIGNS = {"doubled": r"\dagger", "below_simple": r"\downarrow", "constant": "="}
# Heads that are symbols.
LETTERS = ("n", "p")

# From so many columns on, a smaller font: in one column of a document, and in two.
DENSE, DENSE_WIDE = 4, 8
# From so many columns with intervals below their numbers on, there is room for two digits.
CROWDED = 8
# From so many rows on, a smaller font and lower lines, so that 55 rows fit a page.
TALL = 40
LOW = (
    r"\renewcommand{\arraystretch}{0.92}"
    r"\setlength{\aboverulesep}{1pt}\setlength{\belowrulesep}{2pt}"
    r"\setlength{\defaultaddspace}{2pt}"
)
# Lines of the small font on a page of 650 pt, without a caption, and how many of them a line of the
# larger one is; letters in a line of notes, in one column of a document and in two.
PAGE, LARGER = 72, 1.2
NOTE_LINE, NOTE_LINE_WIDE = 58, 118
# Digits as people write them, and a minus that is one when it is copied.
NUMBERS = (
    r"\sisetup{mode=text,reset-text-series=false,group-digits=none}"
    r"\def\textminus{\ensuremath{-}}"
)
# The tabulars of a float stand side by side where they fit.
BETWEEN = "\\hspace{1em}\n"


class Tex(str):
    """Text that is LaTeX, so it is not escaped."""

    __slots__ = ()


def escape(text: str) -> Tex:
    """Escape text so that LaTeX prints it literally."""
    return Tex("".join(SPECIAL.get(character, character) for character in text))


def metric_name(text: str) -> Tex:
    """A metric's name; the part after an underscore becomes a subscript: F_BERT."""
    name, _, subscript = text.partition("_")
    return Tex(escape(name) + (rf"\textsubscript{{{escape(subscript)}}}" if subscript else ""))


# Of a template: `<% %>`, `<< >>` and `<# #>`, since braces are LaTeX's.
DELIMITERS = {
    **{"block_start_string": "<%", "block_end_string": "%>"},
    **{"variable_start_string": "<<", "variable_end_string": ">>"},
    **{"comment_start_string": "<#", "comment_end_string": "#>"},
}
# Labels and names of files cannot be escaped: the configuration allows only plain ones.
FILTERS: dict[str, Callable[[str], Tex]] = {"plain_name": Tex, "metric": metric_name}


def render(template: Path, **values: Any) -> str:
    """The template's text with the values filled in, escaped unless they are LaTeX.

    Raises:
        InputError: the template is missing or invalid, or uses an undefined name.
    """
    return render_template(template, values, FILTERS, **DELIMITERS, finalize=_finalize)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Tex | Undefined) else escape(str(value))


def render_table(template: Path, float_template: Path, table: Table) -> tuple[str, str]:
    r"""The table as LaTeX to `\input`: floats, and tabulars alone.

    Args:
        template: a tabular, of a `panel` (`Tabular`) with a `title`.
        float_template: floats, from a `table` and its `floats`: for each, what it adds to the
            caption, the tabulars, and notes of its own.

    Raises:
        InputError: a template is missing or invalid, or uses an undefined name.
    """
    floats = list(_floats(template, table))
    tabulars = "\\par\\medskip\n".join(tabulars for _, tabulars, _ in floats)
    return render(float_template, table=table, floats=floats), tabulars


def _floats(template: Path, table: Table) -> Iterator[tuple[str, Tex, list[str]]]:
    wide, intervals = table.layout.wide, table.layout.intervals
    rows = max((len([*panel.rows]) for panel in table.panels), default=0)
    columns = max((len(panel.columns) for panel in table.panels), default=0)
    dense = rows > TALL or columns >= (DENSE_WIDE if wide else DENSE)
    tabulars = [Tabular(panel, intervals, dense) for panel in table.panels]
    # Half the space between columns: little where intervals take most of the width.
    gap = "2.5pt" if dense else "3pt"
    if any(one.has_spreads for one in tabulars):
        gap = "4pt" if not dense else "3pt" if wide else "1.4pt"
    size = r"\scriptsize" if dense else r"\footnotesize"
    spaces = rf"\setlength{{\tabcolsep}}{{{gap}}}\setlength{{\lineskip}}{{2ex}}"
    setup = size + NUMBERS + spaces + LOW * (rows > TALL)
    heights = [one.height * (1 if dense else LARGER) for one in tabulars]
    for number, page in enumerate(_pages(table, heights)):
        panels = [table.panels[at] for at in page]
        # Of one panel alone the whole title is in the caption.
        titles = {panel.float_title if len(panels) > 1 else panel.title for panel in panels}
        title = titles.pop() if len(titles) == 1 else ""
        texts = BETWEEN.join(
            render(template, panel=tabulars[at], title=tabulars[at].title(title)) for at in page
        )
        notes = list(dict.fromkeys(note for panel in panels for note in panel.notes))
        yield title or ("continued" if number else ""), Tex(f"{{{setup}%\n{texts}\\par}}\n"), notes


def _pages(table: Table, heights: Sequence[float]) -> list[list[int]]:
    """The panels of each float: as many as fit a page, or one; those of a title begin a new one
    rather than go to two."""
    letters = NOTE_LINE_WIDE if table.layout.wide else NOTE_LINE
    panels = zip(table.panels, heights, strict=True)
    needed = [height + sum(map(len, panel.notes)) / letters for panel, height in panels]
    pages: list[list[int]] = [[]]
    used = sum(map(len, table.notes)) / letters
    for _, same in groupby(range(len(needed)), lambda at: table.panels[at].float_title):
        for place, at in enumerate(together := list(same)):
            # Whether all of them fit, before the first.
            more = needed[at] if place else sum(needed[one] for one in together)
            if pages[-1] and used + more > PAGE:
                pages.append([])
                used = 0.0
            pages[-1].append(at)
            used += needed[at]
    return pages


class Tabular:
    """A panel, with intervals below or beside its numbers, or without any.

    Texts of a line of cells begin with `&`. In a dense panel intervals are smaller.

    Attributes:
        has_spreads: whether intervals are shown.
        height: how many lines it takes, about.
        types: types of all columns but that of the row names.
        width: number of columns, those of the row names and of what they measure included.
        heads: what the columns are; neighbours with details of one head share it.
        rules: lines below shared heads.
        details: a second line of heads, if any column has one.
        records: a line with the number of records, if any column has one.
    """

    def __init__(self, panel: Panel, intervals: IntervalsPlace, dense: bool = False) -> None:
        self.head, self.groups, self._title = panel.head, panel.groups, panel.title
        self.detailed = any(row.detail for row in panel.rows)
        self._columns = [
            _Column(header, [row.cells[at] for row in panel.rows], intervals, dense)
            for at, header in enumerate(panel.columns)
        ]
        self._below = intervals == "below"
        spread = sum(column.has_spreads for column in self._columns)
        self.has_spreads = spread > 0
        self._digits = 2 if self._below and spread >= CROWDED else 3
        self.types = Tex("".join(column.type for column in self._columns))
        self.heads, self.rules, self.width = self._heads()
        self.details = self._line([metric_name(one.detail) for one in panel.columns])
        records = (one.records for one in panel.columns)
        self.records = self._line(["" if one is None else f"{one:,}" for one in records])
        rows = sum(1.9 if self.spreads(row) else 1 for row in panel.rows)
        titles = sum(0.6 + bool(one.title and not self.detailed) for one in panel.groups)
        self.height = rows + titles + 5 + bool(self.details) + bool(self.records)

    def title(self, float_title: str) -> str:
        """What its title adds to that of its float."""
        title = self._title.removeprefix(float_title).removeprefix(": ")
        return title[:1].upper() + title[1:]

    def name(self, row: Row) -> Tex:
        """A row's name, with a sign if it is of other data."""
        sign = r"$^{\ddagger}$" if "other_data" in row.marks else ""
        return Tex((r"\quad published" if "follows" in row.marks else escape(row.name)) + sign)

    def cells(self, row: Row) -> Tex:
        """A row's cells."""
        pairs = zip(self._columns, row.cells, strict=True)
        return Tex("".join(f" & {column.text(cell)}" for column, cell in pairs))

    def spreads(self, row: Row) -> Tex | None:
        """A line of intervals below a row's cells, if there is one."""
        pairs = zip(self._columns, row.cells, strict=True) if self._below else ()
        spreads = [column.spread(cell, self._digits) for column, cell in pairs]
        return Tex("".join(f" & {text}" for text in spreads)) if any(spreads) else None

    def _heads(self) -> tuple[Tex, Tex, int]:
        heads, rules, width = "", "", 1 + self.detailed
        # A head without a detail is of its own column alone.
        named = (
            (column.header.text, -1 if column.header.detail else at, column.width)
            for at, column in enumerate(self._columns)
        )
        for (text, _), same in groupby(named, key=lambda one: one[:2]):
            widths = [own for *_, own in same]
            shown = rf"\textit{{{text}}}" if text in LETTERS else escape(text)
            heads += _spanning(shown, sum(widths))
            if len(widths) > 1:
                rules += rf"\cmidrule(lr){{{width + 1}-{width + sum(widths)}}}"
            width += sum(widths)
        return Tex(heads), Tex(rules), width

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

    def __init__(
        self, header: HeaderCell, cells: Sequence[Cell], intervals: IntervalsPlace, dense: bool
    ) -> None:
        self.header, self._is_number = header, header.form == "number"
        spreads = any(one.interval for one in cells)
        self.has_spreads = self._is_number and intervals != "none" and spreads
        self._beside = self.has_spreads and intervals == "beside"
        self._size = r"\fontsize{6}{7}\selectfont" if dense else r"\scriptsize"
        self.width = 1 + self._beside
        numbers = [match for one in cells if (match := NUMBER.fullmatch(one.shown))]
        self._decimals = max((len(match[3]) for match in numbers), default=3)
        before = max((len(match[2]) for match in numbers), default=1)
        minus = "-" if any(match[1] for match in numbers) else ""
        number = f"S[table-format={minus}{before}.{self._decimals}]"
        number += r"@{\hspace{2pt}}l" if self._beside else ""
        self.type = {"text": "l", "count": "r", "number": number}[header.form]

    def text(self, cell: Cell) -> str:
        """The cell, in the form that the type needs."""
        if not self._is_number:
            return metric_name(cell.shown) if self.header.key == "metric" else escape(cell.shown)
        return self._number(cell) + (f" & {self.spread(cell)}" if self._beside else "")

    def spread(self, cell: Cell, digits: int = 3) -> str:
        """The cell's interval in short form: [.463,.527]."""
        if not self._is_number or cell.interval is None:
            return ""
        low, high = _short(cell.interval.low, digits), _short(cell.interval.high, digits)
        # Below a number, without a width of its own, which would make the column wider.
        star = "*" if self._beside else r"\rlap{*}"
        return f"{{{self._size} [{low},{high}]{'' if cell.interval.reliable else star}}}"

    def _number(self, cell: Cell) -> str:
        match = NUMBER.fullmatch(cell.shown)
        # A whole number would hang to the left of the decimal points, so that it is centred.
        if match is None or (self._decimals and not match[3]):
            return f"{{{escape(cell.shown)}}}"
        signs = "".join(sign for mark, sign in SIGNS.items() if mark in cell.marks)
        # Without a size of their own: numbers stay aligned, and lines close.
        sign = rf"{{\rlap{{\smash{{$^{{{signs}}}$}}}}}}" if signs else ""
        if "second" in cell.marks:
            return rf"{{\underline{{{cell.shown}}}{sign}}}"
        bold = "\\bfseries " if {"best", "significant"}.intersection(cell.marks) else ""
        return f"{bold}{cell.shown} {sign}".rstrip()


def _spanning(text: str, width: int) -> str:
    """A centred entry over some columns."""
    return f" & {{{text}}}" if width == 1 else rf" & \multicolumn{{{width}}}{{c}}{{{text}}}"


def _short(value: float, digits: int) -> str:
    text = f"{round(value, digits) + 0.0:.{digits}f}"  # no "-.000"
    text = text.replace("0.", ".", 1) if abs(value) < 1 else text
    return text.replace("-", "$-$")
