"""Schemas of the reports on a task's records: their description, their overlap with training.

Separate from the code that builds the reports, so that code which shows them does not depend on it.
"""

from typing import Literal

from pydantic import Field

from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer


class TokenLengths(Closed):
    """Quantiles of lengths in tokens: each is the length of one of the texts."""

    min: int
    p50: int = Field(description="Smallest length that half of the texts do not exceed.")
    p95: int
    p99: int
    max: int


class SettingDescription(Closed):
    """The records of one split and setting.

    `room` is the limit beyond which an input is cut, in tokens. For test records it is the
    prompt's alone; for train and val it includes the prompt, the answer and the end token, so that
    the prompt's share depends on the record's answer.
    """

    records: int
    instructions: int = Field(description="Different instructions among the records.")
    labels: dict[str, int] | None = Field(
        description="Records per label, labels in order; null where answers are not classes."
    )
    prompt_tokens: TokenLengths = Field(description="Whole prompts, before truncation.")
    answer_tokens: TokenLengths = Field(description="Outputs, without the end token.")
    room: int
    truncated: int = Field(description="Records whose input training or prediction cuts.")


class Example(Closed):
    """What a record asks, and its right answer."""

    instruction: str
    input: str
    options: tuple[str, ...] | None
    output: str


class TaskDescription(Closed):
    """All records of a task, by split and setting in order of appearance."""

    task: str
    answer: Answer
    tokenizer: str
    options: tuple[str, ...] | None = Field(
        description="The options of the records; null where records differ in them, or have none."
    )
    example: Example = Field(description="The first record.")
    splits: dict[Split, dict[str, SettingDescription]]


class Shared(Closed):
    """Records that have a part of some kind, and how many of them share it with training."""

    records: int
    shared: int


class SettingLeakage(Closed):
    """What the test records of one setting share with the training records."""

    records: int
    exact: int = Field(description="Records whose input is equal to that of a training record.")
    exact_with_output: int = Field(description="Of these, those with equal options and output.")
    near: int = Field(description="Records whose input is a near duplicate; exact ones included.")
    instruction: Literal["seen", "unseen", "mixed"] = Field(
        description="Whether all, none or some of the records' instructions occur in training."
    )
    unseen_instructions: int = Field(description="Records whose instruction is not in training.")
    queries: Shared | None = Field(
        description="Records with a query; shared: a training record of any compared task has the "
        "same query. None where no record has one."
    )
    history_targets: Shared | None = Field(
        description="Records with a purchase history; shared: it contains the correct answer of a "
        "training record. None where no record has one."
    )


class Pair(Closed):
    """Ids of a test record and of the training record nearest to it, and their similarity."""

    test: str
    train: str
    jaccard: float


class Leakage(Closed):
    """The report of one task."""

    task: str
    train_records: int
    shingle_words: int = Field(description="Words of a shingle.")
    jaccard: float = Field(description="Smallest similarity of near duplicates.")
    settings: dict[str, SettingLeakage] = Field(description="In order of appearance.")
    pairs: tuple[Pair, ...] = Field(
        description="The most similar near duplicates, each sample once, for inspection by hand."
    )
