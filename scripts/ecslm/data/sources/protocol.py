"""What a source of raw rows gives, one module a source; each has `open_rows` and `labels`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ecslm.data.problems import Problems

# A raw row, after the place where it stands in its source.
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
        """The tasks and splits that there are."""

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them in source order, each with the place where it stands."""

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""


class KnownRows(RawRows, Protocol):
    """Rows that were read before, with digests of what they were read from."""

    def file_digests(self) -> list[str]:
        """What stands for all rows: the name and the sha256 of each file."""

    def part_digests(self, names: Collection[str], split: str) -> list[str]:
        """What stands for the rows of one task, under any of its names, and one split."""


# Whether rows that were read before are those that are wanted: then nobody reads the source again.
Suffices = Callable[[KnownRows], bool]


def never(_rows: KnownRows) -> bool:
    """Read the source, whatever was read before."""
    return False


def rows_of(source: RawRows, names: frozenset[str], split: str) -> Iterator[Row]:
    """Rows of one task, under any of its names, and one split."""
    return source.rows([p for p in source.parts() if p.task in names and p.split == split])
