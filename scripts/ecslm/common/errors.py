"""Errors that the user can fix: structured problems, printed one per line."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ecslm.common.plain_words import in_plain_words_with_value


@dataclass(frozen=True)
class Problem:
    """What is wrong, how to fix it and, if known, where.

    `path` is a file or another thing that the user gave, such as an option. Problems that differ
    only in their values have the same `kind`; if it is empty, the message serves as the kind.
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
        self.details = tuple(
            problem if isinstance(problem, Problem) else Problem(problem) for problem in problems
        )
        self.problems = tuple(map(str, self.details))
        super().__init__("\n".join(self.problems))


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
    """A pydantic error as problems of `path`; their kind is the error type of pydantic."""
    return [
        Problem(
            message=in_plain_words_with_value(detail),
            path=path,
            line=line,
            field=".".join(str(part) for part in detail["loc"]),
            kind=detail["type"],
        )
        for detail in error.errors(include_url=False)
    ]
