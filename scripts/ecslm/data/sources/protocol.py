"""The interface of a source of raw rows. Each source is a module with `open_rows` and `labels`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ecslm.data.problems import Problems

# The place of a row in its source, and the raw row.
Row = tuple[str, dict[str, Any]]


class PartName(NamedTuple):
    """A task, by its name in the data, and a split."""

    task: str
    split: str


class RawRows(Protocol):
    """The rows of a source, by task and split."""

    files: dict[str, str]
    """sha256 of each file by its name."""

    def parts(self) -> Sequence[PartName]:
        """All tasks and splits."""

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them in source order, each with its place."""

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""


class CachedRows(RawRows, Protocol):
    """Rows in the cache, with digests of the source that they were read from."""

    def file_digests(self) -> list[str]:
        """Digests of all rows: the name and the sha256 of each file."""

    def part_digests(self, names: Collection[str], split: str) -> list[str]:
        """Digests of the rows of one task, under any of its names, and one split."""


# Whether rows in the cache are the wanted ones, so that the source need not be read again.
IsCurrent = Callable[[CachedRows], bool]


def outdated(_rows: CachedRows) -> bool:
    """Never current: the source is read in any case."""
    return False


def rows_of(source: RawRows, names: frozenset[str], split: str) -> Iterator[Row]:
    """The rows of one task, under any of its names, and one split."""
    return source.rows([p for p in source.parts() if p.task in names and p.split == split])
