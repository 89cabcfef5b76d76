"""Reading JSON Lines files: every line is validated, and problems of several lines are reported at
once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from ecslm.common.errors import InputError, Problem, field_problems, in_few_lines, refuse
from ecslm.common.files import Model, read_text
from ecslm.common.manifests import verify_result

Numbered = Sequence[tuple[int, Model]]


def read_jsonl(path: Path, model: type[Model]) -> list[Model]:
    """The rows of a JSON Lines file, as `read_rows` reads them."""
    return [row for _, row in read_rows(path, model)]


def read_rows(
    path: Path,
    model: type[Model],
    check: Callable[[Numbered[Model]], Iterable[Problem]] = lambda _: (),
    some: str = "",
    manifest: Path | None = None,
) -> Numbered[Model]:
    """The rows of a JSON Lines file with their line numbers.

    Args:
        check: returns problems of the rows, once every line is valid.
        some: what there must be some of; empty if there may be none.
        manifest: path of its manifest, if not named after the file.

    Raises:
        InputError: the file is missing, altered or invalid, or the check found problems.
    """
    verify_result(path, manifest)
    rows: list[tuple[int, Model]] = []
    problems: list[Problem] = []
    # Not str.splitlines(): it also splits at U+2028 and the like, which JSON strings may contain.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                rows.append((number, model.model_validate_json(line, strict=True)))
            except ValidationError as error:
                problems += field_problems(error, path, number)
    if problems:
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        form = f"each line must be one JSON object; required fields: {', '.join(needed)}"
        raise InputError(*in_few_lines(problems, path), Problem(form, path))
    if some and not rows:
        raise InputError(f"{path}: no {some}")
    refuse(in_few_lines([replace(problem, path=path) for problem in check(rows)], path))
    return rows


def repeated_ids(ids: Iterable[tuple[int, str]], field: str = "id") -> Iterator[Problem]:
    """Problems of duplicate ids, from pairs of line number and id."""
    line_of_id: dict[str, int] = {}
    for line, name in ids:
        first = line_of_id.setdefault(name, line)
        if first != line:
            yield Problem(f"{name!r} is already on line {first}", line=line, field=field)
