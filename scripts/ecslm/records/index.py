"""A local data file split once by task and split, so that a job parses only its own rows.

The cache is keyed by the file's sha256. The digest of each part is what ties a dataset file to the
source: an edited row changes its own part's digest alone.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ecslm.files import InputError, field_problems, json_line, sha256_of_file, write_json
from ecslm.records.raw import COLUMNS

MOST_PROBLEMS = 20


class Part(BaseModel):
    """The rows of one task (by its name in the data) and split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    split: str
    settings: dict[str, int]
    rows: int
    sha256: str
    file: str


class Index(BaseModel):
    """What a data file holds; `folder` has the parts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str
    parts: tuple[Part, ...]


def read_index(source: Path, cache: Path) -> Index:
    """The index of a data file, made on first sight.

    Raises:
        InputError: the file is missing, truncated or not in the release's form.
    """
    if source.is_dir():
        raise InputError(f"{source}: is a folder, a file is needed")
    # Parts that other code split are not taken up.
    code = sha256_of_file(Path(__file__))
    folder = cache / f"{sha256_of_file(source)[:16]}-{code[:8]}"
    path = folder / "index.json"
    if not path.exists():
        _split(source, folder, path)
    try:
        return Index.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        problem = field_problems(error)[0]
        raise InputError(f"{path}: {problem}: delete the folder to index anew") from None


def indexed_rows(index: Index, part: Part) -> Iterator[dict[str, Any]]:
    """The raw rows of a part, in file order."""
    with (Path(index.folder) / part.file).open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _split(source: Path, folder: Path, index: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    groups: dict[tuple[str, str], list[str]] = {}
    settings: dict[tuple[str, str], dict[str, int]] = {}
    problems: list[str] = []
    for where, row in _rows(source, problems):
        missing = [name for name in COLUMNS if not isinstance(row.get(name), str)]
        if missing:
            problems.append(f"{source}: {where}: no text in {', '.join(missing)}")
            continue
        try:
            line = json_line(_without_nan(row))
            line.encode()
        except ValueError as error:
            problems.append(f"{source}: {where}: cannot be kept as JSON ({error})")
            continue
        key = (row["task"], row["split"])
        groups.setdefault(key, []).append(line)
        counts = settings.setdefault(key, {})
        counts[row["setting"]] = counts.get(row["setting"], 0) + 1
    if not groups and not problems:
        problems.append(f"{source}: holds no rows")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([f"{source}: and {more} more"] if more > 0 else [])
        raise InputError(*shown)
    # Moved into place whole: a second process that indexes at the same time makes the same folder.
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        parts = []
        for number, ((task, split), lines) in enumerate(sorted(groups.items())):
            text = "".join(lines)
            name = f"{number:03d}.jsonl"
            (Path(temporary) / name).write_text(text, encoding="utf-8", newline="\n")
            digest = hashlib.sha256(text.encode()).hexdigest()
            counts = dict(sorted(settings[task, split].items()))
            parts.append(
                Part(
                    task=task,
                    split=split,
                    settings=counts,
                    rows=len(lines),
                    sha256=digest,
                    file=name,
                )
            )
        folder.mkdir(exist_ok=True)
        for part in parts:
            (Path(temporary) / part.file).replace(folder / part.file)
    write_json(index, Index(folder=str(folder), parts=tuple(parts)).model_dump(mode="json"))


def _rows(source: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows with a phrase that says where each stands."""
    with source.open(encoding="utf-8-sig", newline="\n") as stream:
        try:
            if stream.read(1) == "[":
                stream.seek(0)
                for number, row in enumerate(_list(source, stream.read()), start=1):
                    yield from _checked(source, f"row {number}", row, problems)
                return
            stream.seek(0)
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (json.JSONDecodeError, RecursionError) as error:
                    cut = "" if line.endswith("\n") else ": the file is truncated"
                    problems.append(f"{source}: line {number}: not JSON ({error}){cut}")
                    continue
                yield from _checked(source, f"line {number}", row, problems)
        except UnicodeDecodeError as error:
            raise InputError(f"{source}: not UTF-8 text ({error.reason})") from None


def _list(source: Path, text: str) -> list[Any]:
    try:
        rows: list[Any] = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{source}: not JSON ({error}): is the file truncated?") from None
    return rows


def _checked(
    source: Path, where: str, row: Any, problems: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(row, dict):
        yield where, row
    else:
        problems.append(f"{source}: {where}: not an object")


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """A bare NaN, which pandas writes for a missing value, becomes null."""
    return {
        name: None if isinstance(value, float) and value != value else value
        for name, value in row.items()
    }
