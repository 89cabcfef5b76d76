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


def in_few_lines(problems: Sequence[Problem], model: type[BaseModel], path: Path) -> list[Problem]:
    """The first problems of each kind, the number of others, and how to fix them.

    Args:
        model: of a row.
    """
    lines = list(_first_of_each_kind([_told(problem, model) for problem in problems]))
    advice = list(_advice({problem.kind for problem in problems}, model))
    if len(lines) == 1:
        return [replace(lines[0], message=": ".join([lines[0].message, *advice]))]
    return [*lines, *(Problem(one, path) for one in advice)]


def _told(problem: Problem, model: type[BaseModel]) -> Problem:
    if problem.kind == "extra_forbidden":
        suggestion = nearest(problem.field, model.model_fields)
        return replace(problem, message=f"unknown field{suggestion}")
    # The parser only gets one line, so its line number is always 1.
    return replace(problem, message=problem.message.replace("at line 1 column", "at column"))


def _first_of_each_kind(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first problems of each kind, and the number of others."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    # Those of a line that differ only in their field, for example missing fields, are one.
    for _, group in groupby(problems, lambda one: (one.line, one.kind, one.message)):
        alike = list(group)
        problem = replace(alike[0], field=", ".join(dict.fromkeys(one.field for one in alike)))
        # Without the index in a list.
        field = problem.field.partition(".")[0]
        kinds.setdefault((field, problem.kind or problem.message), []).append(problem)
    for found in kinds.values():
        yield from found[:FIRST]
        if more := len(found[FIRST:]):
            lines = "line has" if more == 1 else "lines have"
            last = found[FIRST - 1]
            yield Problem(f"{more} more {lines} the problem of line {last.line}", last.path)


def _advice(kinds: set[str], model: type[BaseModel]) -> Iterator[str]:
    """How to fix problems whose own messages do not say so."""
    if kinds & {"json_invalid", "model_type", "not_utf8"}:
        yield "each line must be one JSON object, in UTF-8"
    if kinds & {"missing", "extra_forbidden"}:
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        others = ", ".join(name for name in model.model_fields if name not in required)
        optional = f"; optional fields: {others}" if others else ""
        yield f"required fields: {', '.join(required)}{optional}; no others are allowed"
