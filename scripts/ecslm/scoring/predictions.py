"""Reading predictions files, also a user's own, and checking that they can be scored together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.common.rows import Numbered, read_jsonl, read_rows, repeated_ids
from ecslm.common.text import number_of, shown
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import GivenPrediction, ScoredPrediction, of_record
from ecslm.schemas.record import DEFAULT_SETTING, read_records
from ecslm.schemas.task import TaskKind
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.settings import ScriptSettings


def given_predictions(
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
        InputError: the file is missing, empty, altered or invalid, an id is on two lines, or the
            check found problems.
    """
    rows: list[tuple[int, ScoredPrediction]] = []

    def completed(given: Numbered[GivenPrediction]) -> Iterator[Problem]:
        for line, row in given:
            name = str(line) if row.id is None else row.id
            defaults = {"id": name, "sample_id": name, "task": task, "setting": DEFAULT_SETTING}
            own = {field: value for field, value in row if value is not None}
            # Its fields have been validated.
            rows.append((line, ScoredPrediction.model_construct(**{**defaults, **own})))
        yield from repeated_ids((line, row.id) for line, row in rows)
        yield from check(rows)

    read_rows(path, GivenPrediction, completed, "predictions")
    return [row for _, row in rows]


def read_scorable(
    path: Path, code: str | None, settings: ScriptSettings, dataset: Path | None = None
) -> list[ScoredPrediction]:
    """Read the predictions of a file, all of one task, and check that they can be scored.

    Args:
        code: the task of predictions that do not name it.
        dataset: the dataset file that they must answer.

    Raises:
        InputError: a file is missing, empty, altered or invalid, or a prediction cannot be scored.
    """

    def check(rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
        for line, one in rows:
            if one.task is None:
                message = "missing: set it on each line, or give --task"
                yield Problem(message, line=line, field="task")
        if task := code or rows[0][1].task:
            yield from problems(rows, task, settings.kind_of(task))
            if dataset is not None:
                yield from _differences(rows, dataset, task)

    return given_predictions(path, code, check)


def _differences(rows: Numbered[ScoredPrediction], dataset: Path, task: str) -> Iterator[Problem]:
    """Predictions of unknown records, or that differ from their records; records of the task
    without a prediction."""
    records = {one.id: one for one in read_records(dataset)}
    for line, one in rows:
        if one.id not in records:
            message = f"{shown(one.id)} is not a record of {dataset}: give the one predicted"
            yield Problem(message, line=line, field="id")
            continue
        for field, right in of_record(records[one.id]).items():
            if (given := getattr(one, field)) != right:
                message = f"{shown(given)}, but {shown(right)} in {dataset}"
                yield Problem(message, line=line, field=field)
    answered = {one.id for _, one in rows}
    missing = [one.id for one in records.values() if one.task == task and one.id not in answered]
    if missing:
        count = number_of(len(missing), "record")
        yield Problem(f"no prediction for {count} of {dataset}, the first is {shown(missing[0])}")


def problems(rows: Numbered[ScoredPrediction], code: str, task: TaskKind) -> Iterator[Problem]:
    """Why numbered predictions cannot be scored together."""
    answers = metric(task.metric).ANSWERS
    # Samples that could not be paired with those of another model; an id twice is told apart.
    by_id = {one.id: (line, one) for line, one in rows}.values()
    for setting in dict.fromkeys(one.setting for _, one in by_id):
        own = ((line, one.sample_id) for line, one in by_id if one.setting == setting)
        yield from repeated_ids(own, "sample_id")
    for line, prediction in rows:
        if prediction.task not in (None, code):
            message = (
                f"is {prediction.task!r}, but the task to score is {code!r}: score each task apart"
            )
            yield Problem(message, line=line, field="task")
            continue
        for problem in answers.problems(prediction):
            yield replace(problem, line=line)


def read_bertscores(
    path: Path, file: Path, predictions: Sequence[ScoredPrediction]
) -> list[BertScoreRow]:
    """Read the BERTScore rows in `path`, which must match the predictions read from `file`.

    Raises:
        InputError: the file is missing, altered or invalid, or its rows or its manifest show that
            it was made from others.
    """
    rows, manifest = read_jsonl(path, BertScoreRow), manifest_of(path)
    same = sorted((row.id, row.setting) for row in rows) == sorted(
        (one.id, one.setting) for one in predictions
    )
    if manifest.is_file():
        same &= sha256_of_file(file) in read_manifest(manifest).inputs.values()
    if not same:
        raise InputError(
            f"{path}: made from other predictions than {file}: run scripts/bertscore.py again"
        )
    return rows
