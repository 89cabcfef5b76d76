"""What is published of the data: the settings of the release, and counts."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError, field_problems
from ecslm.schemas.record import Split

COUNTS = Path("resources/published/counts.csv")

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


class PublishedCount(BaseModel):
    """How many records there are said to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    split: Split
    setting: str
    records: int
    yes: int | None = Field(None, description="Those with the output yes, where it is known.")


def read_counts(path: Path) -> tuple[PublishedCount, ...]:
    """The counts in a CSV file; an empty field is unknown.

    Raises:
        InputError: the file is missing or a row of it is no count.
    """
    counts = []
    for number, row in enumerate(read_csv(path, tuple(PublishedCount.model_fields)), start=2):
        try:
            known = {name: value for name, value in row.items() if value}
            counts.append(PublishedCount.model_validate(known))
        except ValidationError as error:
            problems = field_problems(error)
            raise InputError(*(f"{path}: line {number}: {text}" for text in problems)) from None
    return tuple(counts)
