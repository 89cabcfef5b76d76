"""Rows of data files, from their index."""

from collections.abc import Iterator, Sequence

from ecslm.data.problems import Problems
from ecslm.data.sources.index import Index
from ecslm.data.sources.protocol import PartName
from ecslm.data.sources.reading import Row


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
