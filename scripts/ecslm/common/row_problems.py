"""Problems of the rows of a file in few lines: in a wrong format each line has the same ones.

Left out of code digests: an edit here computes no result again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel

from ecslm.common.errors import Problem
from ecslm.common.text import nearest

# How many problems of each kind are listed; the others are only counted.
FIRST = 3


def in_few_lines(
    problems: Sequence[Problem], model: type[BaseModel], path: Path
) -> Sequence[Problem]:
    """The first problems of each kind, the number of others, and how to fix them.

    Args:
        model: of a row.
    """
    told = [_with_suggestion(problem, model) for problem in problems]
    lines, advice = list(_first_of_each_kind(told)), list(_advice(told, model))
    if len(lines) == 1:
        return [replace(lines[0], message=": ".join([lines[0].message, *advice]))]
    return [*lines, *(Problem(one, path) for one in advice)]


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
        yield "each line must be one JSON object, in UTF-8"
    if kinds & {"missing", "unknown_field"}:
        yield _fields(model)


def _fields(model: type[BaseModel]) -> str:
    """A message with the required and the optional fields of a line."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    others = ", ".join(name for name in model.model_fields if name not in required)
    optional = f"; optional fields: {others}" if others else ""
    return f"required fields: {', '.join(required)}{optional}; no others are allowed"
