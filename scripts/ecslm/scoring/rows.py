"""Reading rows that people bring for scoring: what is wrong with them in few, clear lines.

A file of another form has the same problem on each of its lines. The first few of a kind are told,
the others counted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from ecslm.common.errors import InputError
from ecslm.common.files import Model, read_jsonl
from ecslm.common.manifests import verify_result

Numbered = Sequence[tuple[int, Model]]

# Told one by one, of each kind.
FIRST = 3

_LINE = re.compile(r"line (\d+): (?:([\w.]+): )?(.*)", re.DOTALL)
# What differs between problems of one kind: numbers, quoted values, what exactly is no JSON.
_VALUE = re.compile(r"""(?<=invalid JSON).*|\d+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


class _Problem(NamedTuple):
    """What is wrong with a line, and with which of its fields, if with one."""

    line: str
    field: str
    message: str

    def text(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def read_rows(
    path: Path,
    model: type[Model],
    check: Callable[[Numbered[Model]], Iterable[tuple[int, str]]],
    check_whole: Callable[[Numbered[Model]], Iterable[str]] = lambda _: (),
    manifest: Path | None = None,
) -> Numbered[Model]:
    """The rows of a JSON Lines file with their line numbers, as `read_jsonl` reads them.

    Args:
        check: gives what is wrong among the sound rows, as (line number, `field: message`).
        check_whole: gives what is wrong with the rows as a whole, for example that one is missing;
            called when every line could be read, since the row of another would be missing too.
        manifest: where it lies, if not beside the file under its name.

    Raises:
        InputError: the file is missing, altered or broken, or the checks found something.
    """
    rows: list[tuple[int, Model]] = []
    among: list[tuple[int, str]] = []
    problems: Sequence[str] = ()

    def kept(sound: list[tuple[int, Model]]) -> list[tuple[int, str]]:
        rows.extend(sound)
        among.extend(check(sound))
        return among

    verify_result(path, manifest)
    try:
        read_jsonl(path, model, kept)
    except InputError as error:
        problems = error.problems
    whole = check_whole(rows) if len(problems) == len(among) else ()
    told = [*_few(path, problems), *_advice(path, problems, model)]
    told += [f"{path}: {problem}" for problem in whole]
    if told:
        raise InputError(*told)
    return rows


def repeated_ids(ids: Iterable[tuple[int, str]], field: str = "id") -> Iterator[tuple[int, str]]:
    """Ids that stand on more than one line, as problems, from (line number, id)."""
    line_of_id: dict[str, int] = {}
    for line, name in ids:
        first = line_of_id.setdefault(name, line)
        if first != line:
            yield line, f"{field}: {name!r} is already on line {first}"


def _few(path: Path, problems: Iterable[str]) -> Iterator[str]:
    """The first problems of each kind, and how many more there are."""
    matches = [
        (problem, _LINE.fullmatch(problem.removeprefix(f"{path}: "))) for problem in problems
    ]
    # Others are of the file, which could not be read.
    yield from (problem for problem, match in matches if not match)
    kinds: dict[str, list[_Problem]] = {}
    for problem in _joined(_problem(match) for _, match in matches if match):
        kinds.setdefault(_VALUE.sub("", problem.text()), []).append(problem)
    for found in kinds.values():
        yield from (f"{path}: line {one.line}: {one.text()}" for one in found[:FIRST])
        if len(found) > FIRST:
            more = len(found) - FIRST
            lines = "line has" if more == 1 else "lines have"
            yield f"{path}: {more} more {lines} the problem of line {found[FIRST - 1].line}"


def _problem(match: re.Match[str]) -> _Problem:
    # The parser counts lines within the one line that it gets.
    message = match[3].replace("at line 1 column", "at column")
    return _Problem(match[1], match[2] or "", message)


def _joined(problems: Iterable[_Problem]) -> Iterator[_Problem]:
    """One problem for all fields of a line that have the same, such as to be missing."""
    for (line, message), group in groupby(problems, lambda one: (one.line, one.message)):
        yield _Problem(line, ", ".join(dict.fromkeys(one.field for one in group)), message)


def _advice(path: Path, problems: Iterable[str], model: type[BaseModel]) -> Iterator[str]:
    """How to mend what the schema's messages alone do not say."""
    text = "\n".join(problems)
    if any(sign in text for sign in ("invalid JSON", "input should be an object", "not UTF-8")):
        yield (
            f"{path}: each line must be a JSON object of its own, in UTF-8 without byte order mark"
        )
    if any(sign in text for sign in ("field required", "not permitted", "unknown field")):
        yield f"{path}: {_fields(model)}"
    if "the file is truncated" in text:
        yield f"{path}: make the file anew, or end its last line if that is whole"


def _fields(model: type[BaseModel]) -> str:
    """The fields that each line needs, and those that it may have."""
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    others = ", ".join(name for name in model.model_fields if name not in needed)
    may = f"; it may also have {others}" if others else ""
    return f"each line needs these fields: {', '.join(needed)}{may}; and no others"
