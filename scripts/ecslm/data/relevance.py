"""Relevance labels of ranking records: from the file of labels, or from the order of `output`."""

from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase

from ecslm.data.problems import RowError
from ecslm.schemas.record import Record, Relevance

GRADES = "ESCI"
# The label file is in the row order of these settings, which is the same in both.
LABELLED_SETTINGS = ("IND_Diverse_Instruction", "IND_Single_Instruction")


class RowLabels:
    """Assigns relevance labels to the rows of a ranking task, in row order.

    The label file is in the row order of IND Single and IND Diverse; other settings of the same
    samples get their labels by sample.
    """

    def __init__(self, labels: Sequence[Sequence[str]]) -> None:
        self._labels = labels
        self._rows: Counter[str] = Counter()
        self._by_sample: dict[str, Sequence[str]] = {}

    def next_row(self, setting: str) -> Sequence[str] | None:
        """The labels of the next row of a labelled setting, None for other settings.

        Call this for every row, even one that cannot become a record: it has labels too.
        """
        if setting not in LABELLED_SETTINGS:
            return None
        row = self._rows[setting]
        self._rows[setting] += 1
        return self._labels[row] if row < len(self._labels) else ()

    def matched(self, record: Record, labels: Sequence[str]) -> Record:
        """The record of a labelled setting with its labels.

        Products of the same label may stand in any order.

        Raises:
            RowError: there is not one label for each product, or the record's output has a product
                before one of a better label.
        """
        letters = record.output.split(",")
        if len(labels) != len(letters):
            message = f"relevance: {len(labels)} labels, but {record.output!r} ranks {len(letters)}"
            raise RowError("label_disagreement", message)
        ranked = [labels[ascii_uppercase.index(letter)] for letter in letters]
        if ranked != sorted(ranked, key=GRADES.index):
            message = (
                f"relevance: labels {list(labels)} disagree with {record.output!r}: products come "
                f"in the order {', '.join(GRADES)}"
            )
            raise RowError("label_disagreement", message)
        self._by_sample[record.sample_id] = labels
        return record.model_copy(update={"relevance": list(labels)})

    def of_sample(self, record: Record) -> Record:
        """The record of another setting with the labels of its sample.

        Call this after all rows of the labelled settings.

        Raises:
            RowError: no labelled row has the sample.
        """
        labels = self._by_sample.get(record.sample_id)
        if labels is None:
            message = (
                f"relevance: no row of {' or '.join(LABELLED_SETTINGS)}, which have labels, has "
                "this sample: remove `labels`, or the setting"
            )
            raise RowError("label_disagreement", message)
        return record.model_copy(update={"relevance": list(labels)})

    def differing_counts(self) -> dict[str, int]:
        """Numbers of rows of labelled settings that differ from the number of labels."""
        return {setting: rows for setting, rows in self._rows.items() if rows != len(self._labels)}


def by_rank(record: Record) -> Record:
    """The record with labels derived from its order alone: the first E, then S, C, I."""
    letters = record.output.split(",")
    grades: list[Relevance] = ["I"] * len(letters)
    for rank, letter in enumerate(letters[: len(GRADES)]):
        grades[ascii_uppercase.index(letter)] = GRADES[rank]  # type: ignore[call-overload]
    return record.model_copy(update={"relevance": grades})
