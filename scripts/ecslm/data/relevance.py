"""Relevance labels of ranking records: from the file of labels, or from the order of `output`."""

from collections.abc import Sequence
from string import ascii_uppercase

from ecslm.data.problems import RowError
from ecslm.schemas.record import Record, Relevance

GRADES = "ESCI"
# The label file is in the row order of these settings, which is the same in both.
LABELLED_SETTINGS = ("IND_Diverse_Instruction", "IND_Single_Instruction")


def require_agreement(output: str, labels: Sequence[str]) -> None:
    """Refuse labels that do not fit a right order. Products of one label may have any order.

    Raises:
        RowError: there is not one label for each product, or the output has a product before one of
            a better label.
    """
    letters = output.split(",")
    if len(labels) != len(letters):
        message = f"relevance: {len(labels)} labels, but {output!r} ranks {len(letters)}"
        raise RowError("label_disagreement", message)
    ranked = [labels[ascii_uppercase.index(letter)] for letter in letters]
    if ranked != sorted(ranked, key=GRADES.index):
        message = (
            f"relevance: labels {list(labels)} disagree with {output!r}: products come in the "
            f"order {', '.join(GRADES)}"
        )
        raise RowError("label_disagreement", message)


def by_rank(record: Record) -> Record:
    """The record with labels derived from its order alone: the first E, then S, C, I."""
    letters = record.output.split(",")
    grades: list[Relevance] = ["I"] * len(letters)
    for rank, letter in enumerate(letters[: len(GRADES)]):
        grades[ascii_uppercase.index(letter)] = GRADES[rank]  # type: ignore[call-overload]
    return record.model_copy(update={"relevance": grades})
