"""Errors that the user can fix, in one line each."""

from pydantic import ValidationError


class InputError(Exception):
    """Bad input that the user can mend. Each problem is one line: what, where, how to mend it."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def field_problems(error: ValidationError) -> list[str]:
    """A pydantic error as one `field: message` line for each problem."""
    problems = []
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"][0].lower() + detail["msg"][1:]
        problems.append(f"{field}: {message}" if field else message)
    return problems
