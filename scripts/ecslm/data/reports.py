"""Schemas of the reports on a whole source, and on a task's records: their description, and their
overlap with training; and the published numbers of records.

Separate from the code that builds the reports, so that code which shows them does not load it.
"""

from pathlib import Path
from typing import Any, Literal

from ecslm.common.files import read_csv, validated
from ecslm.data.problems import FoundProblems, Kind
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer


class Count(Closed):
    """Numbers of one task, split and setting: rows in the source, and those that can be used."""

    rows: int
    records: int


class Report(Closed):
    """What a source contains, and its problems.

    Attributes:
        files: sha256 of each file by its name.
        problems: rows that cannot be used.
        dropped: how many they are.
        elsewhere: of these, rows that belong to no known task, split and setting.
        tasks: numbers by task code, split and setting.
        differing: counts that differ from the published ones.
    """

    files: dict[str, str]
    problems: dict[Kind, FoundProblems]
    dropped: int
    elsewhere: int
    tasks: dict[str, dict[Split, dict[str, Count]]]
    differing: tuple[str, ...]

    def dropped_of(self, task: str) -> int:
        """Rows of a task, of any split and setting, that cannot be used."""
        counts = (one for found in self.tasks.get(task, {}).values() for one in found.values())
        return sum(count.rows - count.records for count in counts)


# Quantiles of lengths in tokens, `min`, `p50`, `p95`, `p99` and `max`: each is the length of one of
# the texts, the smallest that the share of them does not exceed.
TokenLengths = dict[str, int]


class SettingDescription(Closed):
    """The records of one split and setting.

    Attributes:
        instructions: different ones among the records.
        labels: records per label, labels in order; None where answers are not classes.
        prompt_tokens: of whole prompts, before truncation.
        answer_tokens: of outputs, without the end token.
        room: the limit beyond which an input is cut, in tokens. For test records it is the
            prompt's alone; for train and val it includes the prompt, the answer and the end token,
            so that the prompt's share depends on the record's answer.
        truncated: records whose input training or prediction cuts.
    """

    records: int
    instructions: int
    labels: dict[str, int] | None
    prompt_tokens: TokenLengths
    answer_tokens: TokenLengths
    room: int
    truncated: int


class TaskDescription(Closed):
    """All records of a task, by split and setting in order of appearance.

    Attributes:
        options: those of the records; None where records differ in them, or have none.
        example: instruction, input, options and output of the first record.
    """

    task: str
    answer: Answer
    tokenizer: str
    options: tuple[str, ...] | None
    example: dict[str, Any]
    splits: dict[Split, dict[str, SettingDescription]]


# How many `records` have a part of some kind, and how many of them share it (`shared`).
Shared = dict[str, int]


class SettingLeakage(Closed):
    """What the test records of one setting share with the training records.

    Attributes:
        exact: records whose input is equal to that of a training record.
        exact_with_output: of these, those with equal options and output.
        near: records whose input is a near duplicate; exact ones included.
        instruction: whether all, none or some of the records' instructions occur in training.
        queries: records with a query; shared: a training record of any compared task has the same
            query. None where no record has one.
        history_targets: records with a purchase history; shared: it contains the correct answer of
            a training record. None where no record has one.
    """

    records: int
    exact: int
    exact_with_output: int
    near: int
    instruction: Literal["seen", "unseen", "mixed"]
    queries: Shared | None
    history_targets: Shared | None


class Leakage(Closed):
    """The report of one task.

    Attributes:
        shingle_words: words of a shingle.
        jaccard: smallest similarity of near duplicates.
        settings: in order of appearance.
        pairs: the most similar near duplicates, each sample once, for inspection by hand: ids of
            the `test` record and of the `train` record nearest to it, and their similarity
            (`jaccard`).
    """

    task: str
    shingle_words: int
    jaccard: float
    settings: dict[str, SettingLeakage]
    pairs: tuple[dict[str, Any], ...]


class PublishedCount(Closed):
    """The published number of records of one task, split and setting."""

    task: str
    split: Split
    setting: str
    records: int
    yes: int | None = None
    """Records with the output yes; null if unknown."""


def read_counts(path: Path) -> tuple[PublishedCount, ...]:
    """The counts in a CSV file; an empty field is unknown.

    Raises:
        InputError: the file is missing, a row is not a valid count, or a count is there twice.
    """
    rows = read_csv(path, tuple(PublishedCount.model_fields), ("task", "split", "setting"))
    known = [{name: value for name, value in row.items() if value} for row in rows]
    return tuple(
        validated(PublishedCount, row, path, line) for line, row in enumerate(known, start=2)
    )
