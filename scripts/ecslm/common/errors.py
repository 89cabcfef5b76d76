"""Errors that the user can fix: structured problems, printed one per line, in plain words.

Left out of code digests: an edit here computes no result again.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
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

# What a value should be, by the error type of pydantic, whose own words are for developers; else by
# how that begins.
SHOULD_BE = {
    "finite_number": "a number that is not infinite",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "a list of at least {min_length}",
}
BEGINNINGS = {
    **{"bool": "true or false", "date": "a date", "float": "a number", "int": "a whole number"},
    **{"dict": "a section of keys", "model": "a section of keys", "path": "a path as text"},
    **{"list": "a list", "string": "text", "tuple": "a list"},
}
PATTERNS = {
    "^[0-9a-f]{64}$": "a sha256: 64 characters of 0-9 and a-f",
    NAME: "letters, digits and . _ -, the first a letter or digit",
    LINE: "one line of text",
}
# What is wrong where a value as such is not.
WRONG = {
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "union_tag_not_found": "{discriminator} is missing",
    "union_tag_invalid": "{discriminator} should be one of {expected_tags}",
    "json_invalid": "not JSON ({error})",
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
    if problems:
        raise InputError(*dict.fromkeys(problems))


def field_problems(
    error: ValidationError, path: Path | str = "", line: int | None = None
) -> list[Problem]:
    """A pydantic error as problems of `path`."""
    problems = []
    for detail in error.errors(include_url=False):
        # The value, if that is what is wrong.
        value = given(detail) if _wanted(detail["type"], detail.get("ctx", {})) else ""
        field = ".".join(map(str, detail["loc"]))
        what = in_plain_words(detail)
        # The parser gets one line of a file of rows.
        what = what if line is None else what.replace("at line 1 column", "at column")
        problems.append(Problem(f"{what}{value}", path, line, field))
    return problems


def in_plain_words(detail: Mapping[str, Any]) -> str:
    """What is wrong with a value, of one of the errors of pydantic."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in WRONG:
        return WRONG[kind].format(**context)
    if wanted := _wanted(kind, context):
        return f"should be {wanted}"
    message = detail["msg"].removeprefix("Value error, ")
    return str(message[:1].lower() + message[1:])


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    """What a value should be; empty if pydantic's message says it best."""
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return PATTERNS.get(pattern, f"of the form {pattern}")
    # As people write them: 1, not 1.0.
    limits = {k: f"{v:g}" if isinstance(v, float) else v for k, v in context.items()}
    return SHOULD_BE.get(kind, BEGINNINGS.get(kind.partition("_")[0], "")).format(**limits)


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
