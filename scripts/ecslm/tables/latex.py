"""LaTeX: the Jinja environment with LaTeX-safe delimiters, escaping, and cells as LaTeX.

Every printed value is escaped, unless a filter of this module returned it as LaTeX (`Tex`).
"""

import re
from pathlib import Path
from typing import Any

import jinja2

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.tables.model import Cell, Panel, Row, Table

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
    "\N{SECTION SIGN}": r"\S{}",
}
NUMBER = r"(-?)(\d+)\.?(\d*)"
DAGGER = r"{$^{\dagger}$}"


class Tex(str):
    """Text that is LaTeX, so it is not escaped."""

    __slots__ = ()


def escape(text: str) -> Tex:
    """Escape text so that LaTeX prints it literally."""
    return Tex("".join(SPECIAL.get(character, character) for character in text))


def plain_name(text: str) -> Tex:
    """A label or file name, which cannot be escaped in LaTeX.

    Raises:
        InputError: the text has other characters than letters, digits and `:._/-`.
    """
    if not re.fullmatch(r"[A-Za-z0-9:._/-]+", text):
        raise InputError(
            f"{text}: not usable as a LaTeX label or file name: use letters and digits"
        )
    return Tex(text)


def metric_name(text: str) -> Tex:
    """A metric's name; the part after an underscore becomes a subscript: F_BERT."""
    name, _, subscript = text.partition("_")
    if not subscript:
        return escape(text)
    return Tex(rf"{escape(name)}\textsubscript{{{escape(subscript)}}}")


def column_type(panel: Panel, index: int) -> Tex:
    """The column's type: text left, counts right, numbers aligned at the decimal point."""
    column = panel.columns[index]
    if column.form != "number":
        return Tex("l" if column.form == "text" else "r")
    cells = [row.cells[index] for group in panel.groups for row in group.rows]
    numbers = [match for cell in cells if (match := re.fullmatch(NUMBER, cell.shown))]
    sign = "-" if any(match[1] for match in numbers) else ""
    before = max((len(match[2]) for match in numbers), default=1)
    after = max((len(match[3]) for match in numbers), default=3)
    options = f"table-format={sign}{before}.{after}"
    if _has_dagger(panel, index):
        options += f",table-space-text-post={DAGGER}"
    return Tex(f"S[{options}]")


def cell_text(cell: Cell, panel: Panel, index: int) -> Tex:
    """The cell's text, in the form that its column type needs."""
    if panel.columns[index].form != "number":
        return escape(cell.shown)
    dagger = f" {DAGGER}" if "doubled" in cell.marks else ""
    if not re.fullmatch(NUMBER, cell.shown):
        return Tex(f"{{{escape(cell.shown)}}}")
    if "best" in cell.marks or "significant" in cell.marks:
        return Tex(rf"\bfseries {cell.shown}{dagger}")
    if "second" in cell.marks:
        # A braced entry is centred: the phantom aligns it with entries that have a dagger.
        phantom = rf"\phantom{DAGGER}" if _has_dagger(panel, index) else ""
        return Tex(rf"{{\underline{{{cell.shown}}}{phantom}}}")
    return Tex(f"{cell.shown}{dagger}")


def spread_text(cell: Cell) -> Tex:
    """The cell's interval, or else its standard deviation over seeds, in short form for the line
    below its value: [.463,.527]."""
    if cell.interval is not None:
        mark = "" if cell.interval.reliable else "*"
        low, high = _short(cell.interval.low), _short(cell.interval.high)
        return Tex(rf"{{\tiny [{low},{high}]{mark}}}")
    if cell.sd is not None:
        return Tex(rf"{{\tiny $\pm${_short(cell.sd)}}}")
    return Tex("")


def has_spread(row: Row) -> bool:
    """Whether any cell has an interval or a standard deviation to show below its value."""
    return any(cell.interval is not None or cell.sd is not None for cell in row.cells)


def environment() -> jinja2.Environment:
    """The environment of all LaTeX templates: `<% %>`, `<< >>`, `<# #>`; undefined is an error."""
    made = jinja2.Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    made.filters["plain_name"] = plain_name
    made.filters["metric"] = metric_name
    made.filters["spread"] = spread_text
    made.globals["has_spread"] = has_spread
    made.globals["column_type"] = column_type
    made.globals["cell_text"] = cell_text
    return made


def render(template: Path, **values: Any) -> str:
    """The template's text with the values filled in.

    Raises:
        InputError: the template is missing or invalid, or uses an undefined name.
    """
    source = read_text(template)
    try:
        return environment().from_string(source).render(**values)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None


def render_table(template: Path, table: Table) -> str:
    """The table as a LaTeX fragment."""
    return render(template, table=table)


def _finalize(value: Any) -> Any:
    if isinstance(value, Tex | jinja2.Undefined):
        return value
    return escape(str(value))


def _has_dagger(panel: Panel, index: int) -> bool:
    return any("doubled" in row.cells[index].marks for group in panel.groups for row in group.rows)


def _short(value: float) -> str:
    text = f"{round(value, 3) + 0.0:.3f}"  # no "-.000"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
