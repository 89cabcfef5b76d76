"""LaTeX: the Jinja environment with LaTeX-safe delimiters, and escaping.

Every printed value is escaped, unless a filter of this module returned it as LaTeX (`Tex`).
"""

import re
from pathlib import Path
from typing import Any

import jinja2

from ecslm.common.errors import InputError
from ecslm.common.files import read_text

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
    "\N{SECTION SIGN}": r"\S{}",
}


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


def _finalize(value: Any) -> Any:
    if isinstance(value, Tex | jinja2.Undefined):
        return value
    return escape(str(value))
