"""Reading the user's own JSON Lines files, with few error messages for many problems.

A file in the wrong format has the same problem on each line. The first few of each kind are
reported, the others counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import Model, read_jsonl
from ecslm.common.manifests import verify_result
from ecslm.common.text import nearest

Numbered = Sequence[tuple[int, Model]]

# Problems of each kind that are reported one by one.
FIRST = 3


def read_rows(
    path: Path,
    model: type[Model],
    check: Callable[[Numbered[Model]], Iterable[Problem]],
    check_whole: Callable[[Numbered[Model]], Iterable[str]] = lambda _: (),
    manifest: Path | None = None,
) -> Numbered[Model]:
    """Read the rows of a JSON Lines file with their line numbers.

    Args:
        check: returns problems of the valid rows, with their lines.
        check_whole: returns problems of the file as a whole, for example missing rows; called only
            if every line is valid, since the row of an invalid line would also be missing.
        manifest: path of its manifest, if not named after the file.

    Raises:
        InputError: the file is missing, altered or invalid, or a check found problems.
    """
    rows: list[tuple[int, Model]] = []
    found: list[Problem] = []
    problems: Sequence[Problem] = ()

    def check_valid(valid: list[tuple[int, Model]]) -> list[Problem]:
        rows.extend(valid)
        found.extend(check(valid))
        return found

    verify_result(path, manifest)
    try:
        read_jsonl(path, model, check_valid)
    except InputError as error:
        problems = [_with_suggestion(problem, model) for problem in error.details]
    whole = check_whole(rows) if len(problems) == len(found) else ()
    reported = list(_first_of_each_kind(problems))
    advice = list(_advice(problems, model))
    if len(reported) == 1:
        reported = [replace(reported[0], message=": ".join([reported[0].message, *advice]))]
    else:
        reported += [Problem(one, path) for one in advice]
    reported += [Problem(problem, path) for problem in whole]
    if reported:
        raise InputError(*reported)
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


def _first_of_each_kind(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first problems of each kind, and the number of others."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in _fields_joined(problems):
        # Without the index in a list.
        field = problem.field.partition(".")[0]
        kinds.setdefault((field, problem.kind or problem.message), []).append(problem)
    for found in kinds.values():
        yield from found[:FIRST]
        if len(found) > FIRST:
            more, last = len(found) - FIRST, found[FIRST - 1]
            lines = "line has" if more == 1 else "lines have"
            yield Problem(f"{more} more {lines} the problem of line {last.line}", last.path)


def _fields_joined(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Join problems of a line that differ only in their field, for example missing fields."""
    for _, group in groupby(problems, lambda one: (one.line, one.kind, one.message)):
        alike = list(group)
        fields = ", ".join(dict.fromkeys(one.field for one in alike))
        yield replace(alike[0], message=_message(alike[0]), field=fields)


def _with_suggestion(problem: Problem, model: type[BaseModel]) -> Problem:
    """The problem; that of an unknown field suggests the nearest known one."""
    if problem.kind != "extra_forbidden":
        return problem
    message = f"unknown field{nearest(problem.field, model.model_fields)}"
    return replace(problem, message=message, kind="unknown_field")


def _message(problem: Problem) -> str:
    # The parser only gets one line, so its line number is always 1.
    if problem.kind == "json_invalid":
        return problem.message.replace("at line 1 column", "at column")
    return problem.message


def _advice(problems: Iterable[Problem], model: type[BaseModel]) -> Iterator[str]:
    """How to fix problems whose own messages do not say so."""
    kinds = {problem.kind for problem in problems}
    if kinds & {"json_invalid", "model_type", "not_utf8"}:
        yield "each line must be one JSON object, in UTF-8 without byte order mark"
    if kinds & {"missing", "unknown_field"}:
        yield _fields(model)
    if "truncated" in kinds:
        yield "rebuild the file, or end its last line if that is complete"


def _fields(model: type[BaseModel]) -> str:
    """A message with the required and the optional fields of a line."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    others = ", ".join(name for name in model.model_fields if name not in required)
    optional = f"; optional fields: {others}" if others else ""
    return f"required fields: {', '.join(required)}{optional}; no others are allowed"
