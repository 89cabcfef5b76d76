"""Typical tokens of a task's records, before there are any: resources/lengths.csv."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.validation import validated
from ecslm.schemas.settings import Closed

LENGTHS = Path("resources/lengths.csv")


class LengthsRow(Closed):
    """A row of resources/lengths.csv: tokens of SmolLM2's tokenizer."""

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


def read_lengths(path: Path) -> dict[str, LengthsRow]:
    """The rows of the file by task.

    Raises:
        InputError: the file is missing, a row is not valid, or a task is there twice.
    """
    rows = read_csv(path, tuple(LengthsRow.model_fields), ("task",))
    found = (validated(LengthsRow, row, path, line) for line, row in enumerate(rows, start=2))
    return {row.task: row for row in found}


def lengths_of(known: Mapping[str, LengthsRow], task: str, shots: int) -> Lengths:
    """The lengths of a task; those of a task that is not in the file are the means of all."""
    rows = [known[task]] if task in known else list(known.values())
    return Lengths(
        prompt=fmean(one.prompt + shots * one.example for one in rows),
        longest_prompt=max(one.longest_prompt * (1 + shots) for one in rows),
        answer=fmean(one.answer for one in rows),
        longest_answer=max(one.longest_answer for one in rows),
    )
