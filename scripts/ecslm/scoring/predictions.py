"""Reading predictions files, also a user's own, and checking that they can be scored together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.common.rows import Numbered, read_jsonl, read_rows, repeated_ids
from ecslm.common.text import number_of, shown
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import GivenPrediction, ScoredPrediction
from ecslm.schemas.record import DEFAULT_SETTING, Record
from ecslm.schemas.task import TaskKind, registered_kind
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.settings import ScriptSettings

# Fields that a prediction copies from its record, which calls the reference its output.
_COPIED = ("sample_id", "task", "setting", "reference", "options", "relevance")


@dataclass(frozen=True)
class Scorable:
    """Predictions that can be scored: all of the task with this code and kind."""

    code: str
    task: TaskKind
    predictions: list[ScoredPrediction]


def read_given(
    path: Path,
    task: str | None = None,
    check: Callable[[Numbered[ScoredPrediction]], Iterable[Problem]] = lambda _: (),
) -> list[ScoredPrediction]:
    """Read the predictions of a file, with defaults for fields that it leaves out.

    `id` is the line number, `sample_id` the `id`, and `setting` is in-domain.

    Args:
        task: the task of predictions without one.
        check: as in `read_rows`.

    Raises:
        InputError: the file is missing, empty, altered or invalid, or a check found problems.
    """
    rows: list[tuple[int, ScoredPrediction]] = []

    def completed(given: Numbered[GivenPrediction]) -> Iterable[Problem]:
        rows.extend((line, _completed(line, row, task)) for line, row in given)
        return check(rows)

    read_rows(path, GivenPrediction, completed, "predictions")
    return [row for _, row in rows]


def _completed(line: int, given: GivenPrediction, task: str | None) -> ScoredPrediction:
    name = str(line) if given.id is None else given.id
    defaults = {"id": name, "sample_id": name, "task": task, "setting": DEFAULT_SETTING}
    missing = {field: value for field, value in defaults.items() if getattr(given, field) is None}
    # Its fields have been validated.
    return ScoredPrediction.model_construct(**{**vars(given), **missing})


def read_scorable(
    path: Path, code: str | None, settings: ScriptSettings, dataset: Path | None = None
) -> Scorable:
    """Read the predictions of a file and check that they can be scored.

    Args:
        code: the task of all predictions; None for the only task in the file.
        dataset: the dataset file that they must answer.

    Raises:
        InputError: a file is missing, empty, altered or invalid, or a prediction cannot be scored.
    """
    kind_of = cache(lambda code: settings.task or registered_kind(code))
    if code is not None:
        # Fails for an unknown task before the file is read.
        kind_of(code)
    known = {} if dataset is None else _read_records(dataset)

    def check(rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
        tasks, answered = ({getattr(one, name) for _, one in rows} for name in ("task", "id"))
        missing = [
            place
            for name, place in known.items()
            if name not in answered and place[1].task in tasks
        ]
        if missing:
            line, record = missing[0]
            yield Problem(
                f"no prediction for {number_of(len(missing), 'record')} of {dataset}, the first "
                f"is {shown(record.id)} on line {line}"
            )
        unnamed = [line for line, one in rows if one.task is None]
        if unnamed:
            message = "missing: set it on each line, or give --task"
            yield Problem(message, line=unnamed[0], field="task")
        else:
            scored = code or str(rows[0][1].task)
            try:
                yield from problems(rows, scored, kind_of(scored))
            except InputError as error:
                yield Problem(f"cannot be scored ({error})", line=rows[0][0], field="task")
        if dataset is not None:
            yield from _differences(rows, dataset, known)

    predictions = read_given(path, code, check)
    # Without `code`, the checks made sure that all predictions have the same task.
    code = code or str(predictions[0].task)
    return Scorable(code, kind_of(code), predictions)


def _read_records(path: Path) -> dict[str, tuple[int, Record]]:
    """The records of a dataset file by id, with their lines."""
    rows = read_rows(
        path,
        Record,
        lambda rows: repeated_ids((line, record.id) for line, record in rows),
        "records",
    )
    return {record.id: (line, record) for line, record in rows}


def _differences(
    rows: Numbered[ScoredPrediction], dataset: Path, known: Mapping[str, tuple[int, Record]]
) -> Iterator[Problem]:
    """Predictions of unknown records, or that differ from their records."""
    for line, prediction in rows:
        if prediction.id not in known:
            message = (
                f"{shown(prediction.id)} is not a record of {dataset}: give the dataset file that "
                "was predicted"
            )
            yield Problem(message, line=line, field="id")
            continue
        at, record = known[prediction.id]
        for field in _COPIED:
            source = "output" if field == "reference" else field
            given, expected = getattr(prediction, field), getattr(record, source)
            if given != expected:
                message = (
                    f"{shown(given)}, but {source} is {shown(expected)} in {dataset}: line {at}"
                )
                yield Problem(message, line=line, field=field)


def problems(
    rows: Sequence[tuple[int, ScoredPrediction]], code: str, task: TaskKind
) -> Iterator[Problem]:
    """Why numbered predictions cannot be scored together."""
    answers = metric(task.metric).ANSWERS
    repeated = list(repeated_ids((line, prediction.id) for line, prediction in rows))
    yield from repeated or _repeated_samples(rows)
    for line, prediction in rows:
        if prediction.task != code:
            message = (
                f"is {prediction.task!r}, but the task to score is {code!r}: score each task apart"
            )
            yield Problem(message, line=line, field="task")
            continue
        for problem in answers.problems(prediction):
            yield replace(problem, line=line)


def _repeated_samples(rows: Sequence[tuple[int, ScoredPrediction]]) -> Iterator[Problem]:
    """Duplicate samples in a setting, which could not be paired with those of another model."""
    for setting in dict.fromkeys(prediction.setting for _, prediction in rows):
        own = ((line, one.sample_id) for line, one in rows if one.setting == setting)
        yield from repeated_ids(own, "sample_id")


def read_bertscores(
    path: Path, file: Path, predictions: Sequence[ScoredPrediction]
) -> list[BertScoreRow]:
    """Read the BERTScore rows in `path`, which must match the predictions read from `file`.

    Raises:
        InputError: the file is missing, altered or invalid, its rows do not match the predictions,
            or its manifest says that it was made from others.
    """
    manifest = manifest_of(path)
    if manifest.is_file():
        scored = read_manifest(manifest).inputs.values()
        if sha256_of_file(file) not in scored:
            raise InputError(
                f"{path}: made from other predictions than {file}: run scripts/bertscore.py again"
            )
    wanted = {(prediction.id, prediction.setting) for prediction in predictions}

    def check(rows: Numbered[BertScoreRow]) -> Iterator[Problem]:
        yield from repeated_ids((line, row.id) for line, row in rows)
        for line, row in rows:
            if (row.id, row.setting) not in wanted:
                message = f"{row.id!r} in {row.setting!r} is not among the predictions"
                yield Problem(message, line=line, field="id")

    rows = read_jsonl(path, BertScoreRow, check)
    missing = sorted({name for name, _ in wanted} - {row.id for row in rows})
    if missing:
        lacking = number_of(len(missing), "prediction")
        raise InputError(f"{path}: no row for {lacking}, the first is {missing[0]!r}")
    return rows
