"""Rows of data files, from their index."""

from collections.abc import Iterator, Sequence

from ecslm.records.index import Index
from ecslm.records.problems import Problems
from ecslm.records.reading import Row
from ecslm.records.sources.protocol import PartName


class IndexedRows:
    """The rows that an index holds."""

    def __init__(self, index: Index) -> None:
        self.files = index.files
        self._index = index
        self._parts = {PartName(part.task, part.split): part for part in index.parts}

    def parts(self) -> Sequence[PartName]:
        """The tasks and splits that there are."""
        return tuple(self._parts)

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them in source order, each with the place where it stands."""
        return self._index.rows([self._parts[part] for part in parts])

    def problems(self) -> Problems:
        """Rows that belong to no task and split."""
        return Problems(self._index.problems)
