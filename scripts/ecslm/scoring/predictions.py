"""Reading predictions of one task, checked for everything that scoring needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.rows import Numbered, repeated_ids
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.registry import registered_kind
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers.protocol import answer_type
from ecslm.scoring.given_predictions import read_given
from ecslm.scoring.known_records import KnownRecords
from ecslm.scoring.settings import ScriptSettings

# Tasks listed in a message.
MOST_TASKS = 10


@dataclass(frozen=True)
class Scorable:
    """Predictions that can be scored: all of the task with this code and kind."""

    code: str
    task: TaskKind
    predictions: list[ScoredPrediction]


def read_scorable(
    path: Path, code: str | None, settings: ScriptSettings, known: KnownRecords | None = None
) -> Scorable:
    """Read the predictions of a file and check that they can be scored.

    Args:
        code: the task of all predictions; None for the only task in the file.
        known: the records that they must answer.

    Raises:
        InputError: the file is missing, empty, altered or invalid, or a prediction cannot be
            scored.
    """
    kind_of = cache(lambda code: settings.task or registered_kind(code))
    if code is not None:
        # Fails for an unknown task before the file is read.
        kind_of(code)

    def check(rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
        try:
            yield from _task_problems(rows, code, kind_of)
        except InputError as error:
            message = f"cannot be scored ({error})"
            yield Problem(message, line=rows[0][0], field="task")
        if known:
            yield from known.differing(rows)

    def check_whole(rows: Numbered[ScoredPrediction]) -> Iterator[str]:
        if not rows:
            yield "no predictions"
        elif known:
            yield from known.unanswered([prediction for _, prediction in rows])

    predictions = [prediction for _, prediction in read_given(path, code, check, check_whole)]
    # Without `code`, the checks made sure that all predictions have the same task.
    code = code or str(predictions[0].task)
    return Scorable(code, kind_of(code), predictions)


def _task_problems(
    rows: Numbered[ScoredPrediction], code: str | None, kind_of: Callable[[str], TaskKind]
) -> Iterator[Problem]:
    """Why predictions cannot be scored as task `code` or, if None, as their own task."""
    first: dict[str | None, int] = {}
    for line, prediction in rows:
        first.setdefault(prediction.task, line)
    if None in first:
        message = "missing: set it on each line, or give --task"
        yield Problem(message, line=first[None], field="task")
    elif code is None and len(first) > 1:
        yield _several_tasks(first)
    elif rows:
        scored = code or str(rows[0][1].task)
        yield from problems(rows, scored, kind_of(scored))


def _several_tasks(lines: Mapping[str | None, int]) -> Problem:
    """The problem that a file has several tasks, at the line of the second."""
    listed = [f"{task!r} from line {line}" for task, line in lines.items()]
    if len(listed) > MOST_TASKS:
        listed[MOST_TASKS:] = [f"{len(listed) - MOST_TASKS} more"]
    names = ", ".join(listed)
    message = f"several in one file ({names}): split the file by task and score each part"
    return Problem(message, line=list(lines.values())[1], field="task")


def problems(
    rows: Sequence[tuple[int, ScoredPrediction]], code: str, task: TaskKind
) -> Iterator[Problem]:
    """Why numbered predictions cannot be scored together."""
    answers = answer_type(task.answer)
    repeated = list(repeated_ids((line, prediction.id) for line, prediction in rows))
    yield from repeated or _repeated_samples(rows)
    other_tasks: set[str | None] = set()
    for line, prediction in rows:
        if prediction.task != code:
            # One problem per other task, not per record.
            if prediction.task not in other_tasks:
                message = f"is {prediction.task!r}, but the task to score is {code!r}"
                yield Problem(message, line=line, field="task", kind="foreign")
            other_tasks.add(prediction.task)
            continue
        for problem in answers.problems(prediction):
            yield replace(problem, line=line)


def _repeated_samples(rows: Sequence[tuple[int, ScoredPrediction]]) -> Iterator[Problem]:
    """Duplicate samples in a setting, which could not be paired with those of another model."""
    for setting in dict.fromkeys(prediction.setting for _, prediction in rows):
        own = ((line, one.sample_id) for line, one in rows if one.setting == setting)
        yield from repeated_ids(own, "sample_id")
