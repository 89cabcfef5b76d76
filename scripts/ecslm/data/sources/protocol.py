"""What a source of raw rows gives, one module a source; each has `open_rows` and `labels`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from ecslm.data.problems import Problems
from ecslm.data.sources.reading import Row


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

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them in source order, each with the place where it stands."""

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""


def rows_of(source: RawRows, names: frozenset[str], split: str) -> Iterator[Row]:
    """Rows of one task, under any of its names, and one split."""
    return source.rows([p for p in source.parts() if p.task in names and p.split == split])
