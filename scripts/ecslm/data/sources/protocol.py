"""The interface of a source of raw rows. Each source is a module with `open_rows`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ecslm.data.problems import Problems

# The place of a row in its source, and the raw row.
Row = tuple[str, dict[str, Any]]


class PartName(NamedTuple):
    """A task, by its name in the data, and a split."""

    task: str
    split: str


class LabelFile(NamedTuple):
    """The content of a file of labels: one list per ranking row, one label per product."""

    rows: list[list[str]]
    digest: str
    """The file's sha256 if that is pinned, otherwise a digest of the rows."""


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

    def labels(self) -> list[list[str]] | None:
        """Relevance labels of the IND test rows of the ranking tasks, if the source has any."""

    @property
    def labels_digest(self) -> str | None:
        """The digest of a file of labels; None if there is none."""

    def source_digests(self) -> list[str]:
        """What identifies all rows."""

    def split_digests(self, names: Collection[str], split: str) -> list[str]:
        """What identifies the rows of one task, under any of its names, and one split."""


# Whether rows in the cache are the wanted ones, so that the source need not be read again.
IsCurrent = Callable[[RawRows], bool]


def source_module(source: str) -> str:
    """The full name of a source's module."""
    return f"ecslm.data.sources.{source}"


def outdated(_rows: RawRows) -> bool:
    """Rows in the cache never count as current: the source is always read."""
    return False


def rows_of(source: RawRows, names: frozenset[str], split: str) -> Iterator[Row]:
    """The rows of one task, under any of its names, and one split."""
    return source.rows([p for p in source.parts() if p.task in names and p.split == split])
