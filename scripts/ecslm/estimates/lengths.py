"""Typical tokens of a task's records, before there are any: resources/lengths.csv."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.validation import validated
from ecslm.schemas.settings import Closed

LENGTHS = Path("resources/lengths.csv")

Kind = Literal["release", "demo"]


class LengthsRow(Closed):
    """A row of resources/lengths.csv: tokens of SmolLM2's tokenizer."""

    records: Kind = Field(description="Records in the form of the release, or of the demo.")
    task: str
    prompt: int = Field(ge=1, description="Of a whole prompt, without an example; the mean.")
    longest_prompt: int = Field(ge=1, description="Of the longest prompt that was counted.")
    answer: int = Field(ge=1, description="Of an answer with its end mark; the mean.")
    longest_answer: int = Field(ge=1, description="Of the longest answer that was counted.")
    example: int = Field(ge=0, description="Of an example in the prompt; the mean.")


@dataclass(frozen=True)
class Lengths:
    """Tokens of the records of a task: means, and of the longest."""

    prompt: float
    longest_prompt: int
    answer: float
    longest_answer: int

    def cut(self, most: int) -> "Lengths":
        """The lengths with prompt and answer cut to `most` tokens together."""
        longest = max(min(self.longest_prompt, most - self.longest_answer), 1)
        return Lengths(min(self.prompt, longest), longest, self.answer, self.longest_answer)


def read_lengths(path: Path) -> dict[tuple[str, str], LengthsRow]:
    """The rows of the file by kind of records and task.

    Raises:
        InputError: the file is missing, a row is not valid, or a task is there twice.
    """
    rows = read_csv(path, tuple(LengthsRow.model_fields), ("records", "task"))
    found = (validated(LengthsRow, row, path, line) for line, row in enumerate(rows, start=2))
    return {(row.records, row.task): row for row in found}


def lengths_of(
    known: Mapping[tuple[str, str], LengthsRow], records: Kind, task: str, shots: int
) -> Lengths:
    """The lengths of a task; those of a task that is not in the file are the means of all."""
    row = known.get((records, task))
    rows = [row] if row else [one for one in known.values() if one.records == records]
    return Lengths(
        prompt=fmean(one.prompt + shots * one.example for one in rows),
        longest_prompt=max(one.longest_prompt * (1 + shots) for one in rows),
        answer=fmean(one.answer for one in rows),
        longest_answer=max(one.longest_answer for one in rows),
    )
