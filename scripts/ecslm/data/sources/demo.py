"""The demo source: generated rows."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from ecslm.common.hashing import sha256_of_text
from ecslm.data.demo.generator import TASKS, generate_rows, load_texts, qpr_labels
from ecslm.data.problems import Problems
from ecslm.data.settings import DemoData
from ecslm.data.sources.protocol import IsCurrent, PartName, Row, outdated

# Codes of the tasks, by their names in the rows.
CODES = {task.hub_name: code for code, task in TASKS.items()}


class DemoRows:
    """The generated rows; each task and split is generated separately.

    Digests are of what the files contain: comments and layout do not count, while the order of
    entries does, since rows are drawn in that order.
    """

    labels_digest = None

    def __init__(self, source: DemoData) -> None:
        """Read the files, once for rows, labels and digests.

        Raises:
            InputError: a file is missing or invalid.
        """
        self._source = source
        self._texts = load_texts(source)
        catalogue, instructions = map(_digest, self._texts)
        self.files = {"catalogue, parsed": catalogue, "instructions, parsed": instructions}

    def parts(self) -> Sequence[PartName]:
        """All tasks and splits."""
        return [PartName(name, split) for name in CODES for split in ("train", "val", "test")]

    def rows(self, parts: Sequence[PartName]) -> Iterator[Row]:
        """The rows of some of them, each with its number."""
        for task, split in parts:
            rows = generate_rows(self._source, self._texts, (CODES[task],), (split,))
            for number, row in enumerate(rows, start=1):
                yield f"demo data: {task} {split}: row {number}", row

    def problems(self) -> Problems:
        """None: the rows are generated."""
        return Problems()

    def labels(self) -> list[list[str]]:
        """The labels of the ranking rows."""
        return qpr_labels(self._source, self._texts)

    def source_digests(self) -> list[str]:
        """The content of both files."""
        return list(self.files.values())

    def split_digests(self, names: Collection[str], split: str) -> list[str]:  # noqa: ARG002
        """The catalogue and the instructions of the tasks of these names."""
        own = (
            self._texts.instructions.of_task(CODES[name]) for name in sorted(CODES.keys() & names)
        )
        return [_digest(self._texts.catalogue), *map(_digest, filter(None, own))]


def open_rows(source: DemoData, _cache: Path, _is_current: IsCurrent = outdated) -> DemoRows:
    """The rows of all tasks.

    Raises:
        InputError: a file is missing or invalid.
    """
    return DemoRows(source)


def _digest(content: BaseModel) -> str:
    return sha256_of_text(content.model_dump_json())
