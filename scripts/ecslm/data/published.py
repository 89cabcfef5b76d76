"""Published facts about the data: the settings of the release, and numbers of records."""

from pathlib import Path

from ecslm.common.files import read_csv, validated
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed

SETTINGS = tuple(
    f"{domain}_{kind}"
    for domain in ("IND", "OOD")
    for kind in (
        "Single_Instruction",
        "Diverse_Instruction",
        "Unseen_Instruction",
        "Diverse_Instruction_1-shot",
    )
)


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
