"""What a source of raw rows gives, one module a source; each has `open_rows` and `labels`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from ecslm.records.problems import Problems
from ecslm.records.reading import Row


class PartName(NamedTuple):
    """A task, by its name in the data, and a split."""

    task: str
    split: str


class RawRows(Protocol):
    """The rows of a source, by task and split."""

    files: dict[str, str]
    """sha256 of each file by its name."""

    def parts(self) -> Sequence[PartName]:
        """The tasks and splits that there are."""

    def rows(self, part: PartName) -> Iterator[Row]:
        """The rows of one task and split, each with the place it stands at."""

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""


def rows_of(source: RawRows, names: frozenset[str], split: str) -> Iterator[Row]:
    """Rows of one task, under any of its names, and one split."""
    for part in source.parts():
        if part.task in names and part.split == split:
            yield from source.rows(part)
