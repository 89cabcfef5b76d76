"""What a score script needs before it can score: its settings, and rows that can be scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ecslm.common.cli import read_settings
from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.schemas.bertscore import BertScoreRow
from ecslm.schemas.prediction import Prediction
from ecslm.schemas.registry import registered_kind
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers.protocol import answer_type
from ecslm.scoring.known_records import KnownRecords
from ecslm.scoring.rows import Numbered, read_rows, repeated_ids
from ecslm.scoring.settings import ScoringSettings

# Named in a message, of those that a file mixes.
MOST_TASKS = 10


class ScriptSettings(BaseModel):
    """What `--settings` of the score scripts holds; without a task the registry's entry counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()


def settings_of(argument: str | None, code: str) -> tuple[TaskKind, ScoringSettings]:
    """The task's and the scoring settings from the value of `--settings`.

    Raises:
        InputError: the value is broken, or the task is neither in it nor in the registry.
    """
    settings = read_settings(argument, ScriptSettings)
    return settings.task or registered_kind(code), settings.scoring


@dataclass(frozen=True)
class Scorable:
    """Predictions that can be scored together: of one task, `code`, which `task` describes."""

    code: str
    task: TaskKind
    predictions: list[Prediction]


def read_scorable(
    path: Path, code: str | None, settings: ScriptSettings, known: KnownRecords | None = None
) -> Scorable:
    """The predictions of a file, checked for scoring.

    Args:
        code: the task that they must be of; None for that of the file, which must have one alone.
        known: the records that they must be of.

    Raises:
        InputError: the file is missing, empty, altered or broken, or a prediction cannot be
            scored.
    """
    kind_of = cache(lambda code: settings.task or registered_kind(code))
    if code is not None:
        # Before the file is read: no prediction can be of a task that nobody knows.
        kind_of(code)

    def check(rows: Numbered[Prediction]) -> Iterator[Problem]:
        lines = _first_lines(rows)
        if code is None and len(lines) > 1:
            yield _several_tasks(lines)
        elif rows:
            scored = code or rows[0][1].task
            try:
                yield from problems(rows, scored, kind_of(scored))
            except InputError as error:
                message = f"no way to score it is known ({error})"
                yield Problem(message, line=lines[scored], field="task")
        if known:
            yield from known.differing(rows)

    def check_whole(rows: Numbered[Prediction]) -> Iterator[str]:
        if not rows:
            yield "no predictions"
        elif known:
            yield from known.unanswered([prediction for _, prediction in rows])

    predictions = [prediction for _, prediction in read_rows(path, Prediction, check, check_whole)]
    code = code or predictions[0].task
    return Scorable(code, kind_of(code), predictions)


def _first_lines(rows: Numbered[Prediction]) -> dict[str, int]:
    """The line on which each task is first."""
    lines: dict[str, int] = {}
    for line, prediction in rows:
        lines.setdefault(prediction.task, line)
    return lines


def _several_tasks(lines: Mapping[str, int]) -> Problem:
    """The problem that a file has several tasks, on the line of the second."""
    told = [f"{task!r} from line {line}" for task, line in lines.items()]
    if len(told) > MOST_TASKS:
        told[MOST_TASKS:] = [f"{len(told) - MOST_TASKS} more"]
    names = ", ".join(told)
    message = f"several in one file ({names}): make a file of each, and score them one by one"
    return Problem(message, line=list(lines.values())[1], field="task")


def problems(
    rows: Sequence[tuple[int, Prediction]], code: str, task: TaskKind
) -> Iterator[Problem]:
    """Why numbered predictions cannot be scored together."""
    answers = answer_type(task.answer)
    repeated = list(repeated_ids((line, prediction.id) for line, prediction in rows))
    yield from repeated or _repeated_samples(rows)
    foreign: set[str] = set()
    for line, prediction in rows:
        if prediction.task != code:
            # One line a foreign task, not one a record.
            if prediction.task not in foreign:
                message = f"{prediction.task!r}, but the task to score is {code!r}"
                yield Problem(message, line=line, field="task")
            foreign.add(prediction.task)
            continue
        for problem in answers.problems(prediction):
            yield replace(problem, line=line)


def _repeated_samples(rows: Sequence[tuple[int, Prediction]]) -> Iterator[Problem]:
    """Samples that a setting has twice, which could be paired with no other's."""
    for setting in dict.fromkeys(prediction.setting for _, prediction in rows):
        own = ((line, one.sample_id) for line, one in rows if one.setting == setting)
        yield from repeated_ids(own, "sample_id")


def read_bertscores(
    path: Path, file: Path, predictions: Sequence[Prediction]
) -> list[BertScoreRow]:
    """The BERTScore rows of a file, which must be those of the predictions read from `file`.

    Raises:
        InputError: the file is missing, altered or broken, its rows are not exactly the
            predictions', or its manifest says that it was made from others.
    """
    manifest = manifest_of(path)
    if manifest.is_file():
        scored = read_manifest(manifest).inputs.values()
        if sha256_of_file(file) not in scored:
            raise InputError(
                f"{path}: made from other predictions than {file}: run scripts/bertscore.py again"
            )
    setting_of = {prediction.id: prediction.setting for prediction in predictions}

    def check(rows: Numbered[BertScoreRow]) -> Iterator[Problem]:
        yield from repeated_ids((line, row.id) for line, row in rows)
        for line, row in rows:
            if row.id not in setting_of:
                message = f"{row.id!r} is not among the predictions"
                yield Problem(message, line=line, field="id", kind="unknown")
            elif row.setting != setting_of[row.id]:
                message = f"{row.setting!r}, but {setting_of[row.id]!r} of the prediction"
                yield Problem(message, line=line, field="setting", kind="other")

    def check_whole(rows: Numbered[BertScoreRow]) -> Iterator[str]:
        missing = sorted(setting_of.keys() - {row.id for _, row in rows})
        if missing:
            yield f"no row for {len(missing)} predictions, the first is {missing[0]!r}"

    return [row for _, row in read_rows(path, BertScoreRow, check, check_whole)]
