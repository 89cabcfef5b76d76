"""Reading the user's own JSON Lines files, with all of their problems reported at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ecslm.common.errors import InputError, Problem, in_few_lines
from ecslm.common.files import Model, numbered_rows
from ecslm.common.manifests import verify_result

Numbered = Sequence[tuple[int, Model]]


def read_rows(
    path: Path,
    model: type[Model],
    check: Callable[[Numbered[Model]], Iterable[Problem]],
    check_whole: Callable[[Numbered[Model]], Iterable[str]] = lambda _: (),
) -> Numbered[Model]:
    """Read the rows of a JSON Lines file with their line numbers.

    Args:
        check: returns problems of the valid rows, with their lines.
        check_whole: returns problems of the file as a whole, for example missing rows; called only
            if every line is valid, since the row of an invalid line would also be missing.

    Raises:
        InputError: the file is missing, altered or invalid, or a check found problems.
    """
    verify_result(path)
    try:
        rows, problems = numbered_rows(path, model)
    except InputError as error:
        raise InputError(*in_few_lines(error.details, model, path)) from None
    valid = not problems
    problems += [replace(problem, path=path) for problem in check(rows)]
    whole = [Problem(one, path) for one in check_whole(rows)] if valid else []
    if problems or whole:
        raise InputError(*in_few_lines(problems, model, path), *whole)
    return rows


def repeated(line: int, field: str, value: str, first: int) -> Problem:
    """The problem that a line repeats a value that must be unique."""
    return Problem(f"{value!r} is already on line {first}", line=line, field=field, kind="repeated")


def repeated_ids(ids: Iterable[tuple[int, str]], field: str = "id") -> Iterator[Problem]:
    """Problems of duplicate ids, from pairs of line number and id."""
    line_of_id: dict[str, int] = {}
    for line, name in ids:
        first = line_of_id.setdefault(name, line)
        if first != line:
            yield repeated(line, field, name, first)
