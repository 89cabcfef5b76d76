"""Checking predictions against the records of a dataset file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.rows import Numbered, read_rows, repeated_ids
from ecslm.common.text import number_of, shown
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import Record

# Fields that a prediction copies from its record: names in the prediction and in the record.
_REPEATED = (
    ("sample_id", "sample_id"),
    ("task", "task"),
    ("setting", "setting"),
    ("reference", "output"),
    ("options", "options"),
    ("relevance", "relevance"),
)


class KnownRecords:
    """The records that predictions must answer."""

    def __init__(self, path: Path, rows: Numbered[Record]) -> None:
        self._path = path
        self._by_id = {record.id: (line, record) for line, record in rows}

    def differing(self, rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
        """Predictions of unknown records, or that differ from their records.

        One problem per kind, with the number of predictions that have it.
        """
        unknown = [(line, p) for line, p in rows if p.id not in self._by_id]
        if unknown:
            line, prediction = unknown[0]
            yield Problem(
                f"{shown(prediction.id)} is not a record of {self._path}{_others(len(unknown))}: "
                "give the dataset file that was predicted",
                line=line,
                field="id",
            )
        of_known = [(line, p) for line, p in rows if p.id in self._by_id]
        for field, source in _REPEATED:
            yield from self._differing_in(field, source, of_known)

    def unanswered(self, predictions: Sequence[ScoredPrediction]) -> Iterator[str]:
        """Records of the predicted tasks that have no prediction, as at most one message."""
        answered = {prediction.id for prediction in predictions}
        tasks = {prediction.task for prediction in predictions}
        lines = [
            (line, record.id)
            for line, record in self._by_id.values()
            if record.id not in answered and record.task in tasks
        ]
        if lines:
            line, first = lines[0]
            yield (
                f"no prediction for {number_of(len(lines), 'record')} of {self._path}, the first "
                f"is {shown(first)} on line {line}"
            )

    def _differing_in(
        self, field: str, source: str, rows: Numbered[ScoredPrediction]
    ) -> Iterator[Problem]:
        found = [
            (line, p)
            for line, p in rows
            if getattr(p, field) != getattr(self._by_id[p.id][1], source)
        ]
        if found:
            line, prediction = found[0]
            record_line, record = self._by_id[prediction.id]
            yield Problem(
                f"{shown(getattr(prediction, field))}, but {source} is "
                f"{shown(getattr(record, source))} in {self._path}: line {record_line}"
                f"{_others(len(found))}",
                line=line,
                field=field,
            )


def read_known_records(path: Path) -> KnownRecords:
    """Read the records of a dataset file.

    Raises:
        InputError: the file is missing, empty, altered or invalid, or an id is duplicated.
    """
    rows = read_rows(
        path, Record, lambda rows: repeated_ids((line, record.id) for line, record in rows)
    )
    if not rows:
        raise InputError(f"{path}: no records")
    return KnownRecords(path, rows)


def _others(count: int) -> str:
    """How many predictions have the problem, if more than the reported one."""
    return f" ({count} predictions like this)" if count > 1 else ""
