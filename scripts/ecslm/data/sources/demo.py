"""The demo source: generated rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecslm.common.hashing import sha256_of_file
from ecslm.data.demo.generator import TASKS, generate_rows, qpr_labels
from ecslm.data.problems import Problems
from ecslm.data.settings import DemoData
from ecslm.data.sources.protocol import IsCurrent, PartName, Row, outdated


class DemoRows:
    """The generated rows; each task and split is generated separately."""

    def __init__(self, source: DemoData) -> None:
        self.files = {
            str(path): sha256_of_file(path) for path in (source.catalogue, source.instructions)
        }
        self._source = source
        self._codes = {task.hub_name: code for code, task in TASKS.items()}

    def parts(self) -> Sequence[PartName]:
        """All tasks and splits."""
        return [PartName(name, split) for name in self._codes for split in ("train", "val", "test")]

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them, each with its number."""
        for task, split in parts:
            rows = generate_rows(self._source, (self._codes[task],), (split,))
            for number, row in enumerate(rows, start=1):
                yield f"demo data: {task} {split}: row {number}", row

    def problems(self) -> Problems:
        """None: the rows are generated."""
        return Problems()


def open_rows(source: DemoData, _cache: Path, _is_current: IsCurrent = outdated) -> DemoRows:
    """The rows of all tasks."""
    return DemoRows(source)


def labels(source: DemoData) -> list[list[str]]:
    """The labels of the ranking rows."""
    return qpr_labels(source)
