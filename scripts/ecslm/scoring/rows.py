"""Reading rows that people bring for scoring: what is wrong with them in few, clear lines.

A file of another form has the same problem on each of its lines. The first few of a kind are told,
the others counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import Model, read_jsonl
from ecslm.common.manifests import verify_result

Numbered = Sequence[tuple[int, Model]]

# Told one by one, of each kind.
FIRST = 3


def read_rows(
    path: Path,
    model: type[Model],
    check: Callable[[Numbered[Model]], Iterable[Problem]],
    check_whole: Callable[[Numbered[Model]], Iterable[str]] = lambda _: (),
    manifest: Path | None = None,
) -> Numbered[Model]:
    """The rows of a JSON Lines file with their line numbers, as `read_jsonl` reads them.

    Args:
        check: gives what is wrong among the sound rows, with its line.
        check_whole: gives what is wrong with the rows as a whole, for example that one is missing;
            called when every line could be read, since the row of another would be missing too.
        manifest: where it lies, if not beside the file under its name.

    Raises:
        InputError: the file is missing, altered or broken, or the checks found something.
    """
    rows: list[tuple[int, Model]] = []
    among: list[Problem] = []
    problems: Sequence[Problem] = ()

    def kept(sound: list[tuple[int, Model]]) -> list[Problem]:
        rows.extend(sound)
        among.extend(check(sound))
        return among

    verify_result(path, manifest)
    try:
        read_jsonl(path, model, kept)
    except InputError as error:
        problems = error.details
    whole = check_whole(rows) if len(problems) == len(among) else ()
    told = [*_few(problems), *_advice(path, problems, model)]
    told += [Problem(problem, path) for problem in whole]
    if told:
        raise InputError(*told)
    return rows


def repeated(line: int, field: str, value: str, first: int) -> Problem:
    """The problem that what must be different on each line has the value of an earlier line."""
    return Problem(f"{value!r} is already on line {first}", line=line, field=field, kind="repeated")


def repeated_ids(ids: Iterable[tuple[int, str]], field: str = "id") -> Iterator[Problem]:
    """Ids that are on more than one line, as problems, from (line number, id)."""
    line_of_id: dict[str, int] = {}
    for line, name in ids:
        first = line_of_id.setdefault(name, line)
        if first != line:
            yield repeated(line, field, name, first)


def _few(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first problems of each kind, and how many more there are."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in _joined(problems):
        # Without the place in a list.
        field = problem.field.partition(".")[0]
        kinds.setdefault((field, problem.kind or problem.message), []).append(problem)
    for found in kinds.values():
        yield from found[:FIRST]
        if len(found) > FIRST:
            more, last = len(found) - FIRST, found[FIRST - 1]
            lines = "line has" if more == 1 else "lines have"
            yield Problem(f"{more} more {lines} the problem of line {last.line}", last.path)


def _joined(problems: Iterable[Problem]) -> Iterator[Problem]:
    """One problem for all fields of a line that have the same, such as to be missing."""
    for _, group in groupby(problems, lambda one: (one.line, one.kind, one.message)):
        alike = list(group)
        fields = ", ".join(dict.fromkeys(one.field for one in alike))
        yield replace(alike[0], message=_message(alike[0]), field=fields)


def _message(problem: Problem) -> str:
    # The parser counts lines within the one line that it gets.
    if problem.kind == "json_invalid":
        return problem.message.replace("at line 1 column", "at column")
    return problem.message


def _advice(path: Path, problems: Iterable[Problem], model: type[BaseModel]) -> Iterator[Problem]:
    """How to fix what the schema's messages alone do not say."""
    kinds = {problem.kind for problem in problems}
    if kinds & {"json_invalid", "model_type", "not_utf8"}:
        yield Problem(
            "each line must be a JSON object of its own, in UTF-8 without byte order mark", path
        )
    if kinds & {"missing", "extra_forbidden", "unknown_field"}:
        yield Problem(_fields(model), path)
    if "truncated" in kinds:
        yield Problem("rebuild the file, or end its last line if that is complete", path)


def _fields(model: type[BaseModel]) -> str:
    """The fields that each line needs, and those that it may have."""
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    others = ", ".join(name for name in model.model_fields if name not in needed)
    may = f"; it may also have {others}" if others else ""
    return f"each line needs these fields: {', '.join(needed)}{may}; and no others"
