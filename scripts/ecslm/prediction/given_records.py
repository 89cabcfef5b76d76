"""Reading the user's own records to predict, with defaults for fields that they leave out."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import Problem
from ecslm.common.rows import Numbered, read_rows, repeated_ids
from ecslm.schemas.record import GivenRecord, Record


class AnsweredRecord(GivenRecord):
    """A record with its right answer, which predictions are compared with."""

    output: str


def read_given(path: Path, task: str | None) -> list[Record]:
    """Read the records of a file.

    Defaults: `id` is the line number, `sample_id` the `id`, and `setting` is in-domain.

    Args:
        task: the task of records that name none.

    Raises:
        InputError: the file is missing, empty, altered or invalid, a record has no task, or two
            have the same id.
    """
    completed: list[Record] = []

    def check(rows: Numbered[AnsweredRecord]) -> Iterator[Problem]:
        for line, row in rows:
            named = row.task or task
            if named is None:
                message = "missing: set it on each line, or give --task"
                yield Problem(message, line=line, field="task")
            else:
                completed.append(row.record(named, str(line)))
        if len(completed) == len(rows):
            numbers = (line for line, _ in rows)
            yield from repeated_ids(zip(numbers, (one.id for one in completed), strict=True))

    read_rows(path, AnsweredRecord, check, lambda rows: () if rows else ("no records",))
    return completed
