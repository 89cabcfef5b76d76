"""Errors that the user can fix: problems as data, one line each."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError


@dataclass(frozen=True)
class Problem:
    """What is wrong and how to fix it, and where, as far as that is known.

    `path` is a file or whatever else the user has given, such as an option. `kind` is the same for
    problems that differ in values alone; where it is empty, the message itself says which kind.
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
    """Bad input that the user can fix: `problems` are the lines to show, `details` their data."""

    def __init__(self, *problems: Problem | str) -> None:
        self.details = tuple(
            problem if isinstance(problem, Problem) else Problem(problem) for problem in problems
        )
        self.problems = tuple(map(str, self.details))
        super().__init__("\n".join(self.problems))


def field_problems(
    error: ValidationError, path: Path | str = "", line: int | None = None
) -> list[Problem]:
    """What a pydantic error says of `path`; the kind of a problem is pydantic's type of it."""
    return [
        Problem(
            message=detail["msg"][0].lower() + detail["msg"][1:],
            path=path,
            line=line,
            field=".".join(str(part) for part in detail["loc"]),
            kind=detail["type"],
        )
        for detail in error.errors(include_url=False)
    ]
