"""Errors that the user can fix: structured problems, printed one per line, in plain words.

Left out of code digests: an edit here computes no result again.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from ecslm.common.text import shown

# Forms of text that a configuration asks for.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
LINE = r"^[^\x00-\x1f\x7f]+$"
# The type of an error whose value may be a secret: no message shows it.
HIDDEN = "hidden_value"

# What pydantic, whose words are for developers, says badly: by the type of its error, or by the
# pattern of a text.
WORDS = {
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "union_tag_not_found": "{discriminator} is missing",
    "union_tag_invalid": "{discriminator} should be one of {expected_tags}",
    "json_invalid": "not JSON ({error})",
    "too_short": "should be a list of at least {min_length}",
    NAME: "should be letters, digits and . _ -, the first a letter or digit",
    LINE: "should be one line of text",
}
# Of the problems of a file of rows so many are listed, and the others counted.
FIRST = 10


@dataclass(frozen=True)
class Problem:
    """What is wrong, how to fix it and, if known, where.

    `path` is a file or another thing that the user gave, such as an option. `kind` is for code that
    tells problems apart.
    """

    message: str
    path: Path | str = ""
    line: int | None = None
    field: str = ""
    kind: str = ""

    def __str__(self) -> str:
        """`path: line N: field: message`."""
        line = "" if self.line is None else f"line {self.line}"
        return ": ".join(part for part in (str(self.path), line, self.field, self.message) if part)


class InputError(Exception):
    """Bad input that the user can fix: `problems` are the lines to print, `details` the data."""

    def __init__(self, *problems: Problem | str) -> None:
        self.details = tuple(one if isinstance(one, Problem) else Problem(one) for one in problems)
        self.problems = tuple(map(str, self.details))
        super().__init__("\n".join(self.problems))


def exit_with(error: InputError, status: int = 1) -> NoReturn:
    """Exit and print one line per problem to stderr, without a traceback."""
    for problem in error.problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(status)


def all_of(*checks: Callable[[], object]) -> None:
    """Run all checks, even after one has failed.

    Raises:
        InputError: the problems of all that failed, each once.
    """
    problems: list[Problem] = []
    for check in checks:
        try:
            check()
        except InputError as error:
            problems += error.details
    refuse(dict.fromkeys(problems))


def refuse(problems: Iterable[Problem | str]) -> None:
    """Refuse input that has problems.

    Raises:
        InputError: there are some.
    """
    if found := list(problems):
        raise InputError(*found)


def field_problems(
    error: ValidationError, path: Path | str = "", line: int | None = None
) -> list[Problem]:
    """A pydantic error as problems of `path`."""
    problems = []
    for detail in error.errors(include_url=False):
        field, what = ".".join(map(str, detail["loc"])), in_plain_words(detail)
        # Where the value is what is wrong.
        value = given(detail) if re.match(r"\w+ should ", detail["msg"]) else ""
        # The parser gets one line of a file of rows.
        what = what if line is None else what.replace("at line 1 column", "at column")
        problems.append(Problem(f"{what}{value}", path, line, field))
    return problems


def in_plain_words(detail: Mapping[str, Any]) -> str:
    """What is wrong, of one of the errors of pydantic, without the value."""
    context = detail.get("ctx", {})
    own = WORDS.get(detail["type"]) or WORDS.get(context.get("pattern"), "")
    message = own.format(**context) or re.sub("^(Input|Value error,) ", "", detail["msg"])
    return f"{message[:1].lower()}{message[1:]}"


def given(detail: Mapping[str, Any]) -> str:
    """The value in question, and what to do if it is one that YAML takes for something else."""
    value = detail["input"]
    if detail["type"] == HIDDEN or isinstance(value, dict | list):
        return ""
    if value is None:
        return ", but is empty"
    unquoted = detail["type"].startswith("string") and not isinstance(value, str)
    return f", not {shown(value)}{': put it in quotes' if unquoted else ''}"


def in_few_lines(problems: Sequence[Problem], path: Path) -> list[Problem]:
    """The first problems of a file, and how many others there are: in a wrong format each line has
    the same ones."""
    more = len(problems) - FIRST
    return [*problems[:FIRST], *([Problem(f"and {more:,} more", path)] if more > 0 else [])]
