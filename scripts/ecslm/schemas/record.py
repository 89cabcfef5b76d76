"""Schema of a record in `results/{study}/dataset/{task}/{split}.jsonl`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from ecslm.common.errors import Problem
from ecslm.common.hashing import sha256_of_text
from ecslm.common.rows import read_jsonl, read_rows
from ecslm.schemas.fields import parse_example
from ecslm.schemas.settings import Closed

Split = Literal["train", "val", "test"]
Relevance = Literal["E", "S", "C", "I"]
# The setting of a user's own rows that name none.
DEFAULT_SETTING = "IND_Diverse_Instruction"


class Record(Closed):
    """One sample under one setting.

    `input` is the original string, byte for byte. `options` are the option texts with their
    letters, for example `"A: very positive"`. `few_shot_example` is the original JSON string.
    `relevance` has one label per product of a ranking record, in the order of its product list.
    """

    id: str
    sample_id: str
    task: str
    split: Split
    setting: str
    instruction: str
    input: str
    options: list[str] | None
    output: str
    few_shot_example: str | None
    relevance: list[Relevance] | None


def _with_example(text: str) -> str:
    """A text that is refused if it is no example."""
    parse_example(text)
    return text


class GivenRecord(Record):
    """A record of the user's own: the fields of a dataset's, of which two are needed."""

    id: str = ""
    sample_id: str = ""
    task: str = ""
    split: Split = "test"
    setting: str = DEFAULT_SETTING
    options: list[str] | None = None
    output: str = ""
    few_shot_example: Annotated[str, AfterValidator(_with_example)] | None = None
    relevance: list[Relevance] | None = None

    def record(self, task: str, name: str) -> Record:
        """This as a test record; the right answer may be unknown.

        Args:
            task: its task, whatever it names itself.
            name: its id if it has none.
        """
        name = self.id or name
        names = {"id": name, "sample_id": self.sample_id or name, "task": task}
        return Record(**{**dict(self), **names})


def read_records(*paths: Path) -> list[Record]:
    """Read all records of the dataset files, in order.

    Raises:
        InputError: a file is missing, altered or truncated, or a line is not a record.
    """
    return [record for path in paths for record in read_jsonl(path, Record)]


def read_task(path: Path, task: str) -> list[Record]:
    """Read a dataset file, which must contain records of one task only.

    Raises:
        InputError: as `read_records`; or there are no records, or some are of another task.
    """

    def check(rows: Sequence[tuple[int, Record]]) -> Iterator[Problem]:
        for line, record in rows:
            if record.task != task:
                message = f"is {record.task!r}, expected {task!r}"
                yield Problem(message, line=line, field="task")

    return [record for _, record in read_rows(path, Record, check, "records")]


def share_of(records: Sequence[Record], fraction: float) -> list[Record]:
    """A share of each task's records, at least one of each task, in their order.

    Records are taken by the digests of their ids. So which ones are in a share depends on no seed
    and no other record, and those of a share are among those of every larger one.
    """
    by_task: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(records)), key=lambda one: sha256_of_text(records[one].id)):
        by_task[records[number].task].append(number)
    taken = {i for some in by_task.values() for i in some[: max(1, round(fraction * len(some)))]}
    return [record for number, record in enumerate(records) if number in taken]
