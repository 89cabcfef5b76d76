"""Predictions that can be scored together: all of one task, each with what its answer needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.registry import registered_kind
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers.protocol import answer_type
from ecslm.scoring.given_predictions import read_given
from ecslm.scoring.known_records import KnownRecords
from ecslm.scoring.rows import Numbered, repeated_ids
from ecslm.scoring.settings import ScriptSettings

# Named in a message, of those that a file mixes.
MOST_TASKS = 10


@dataclass(frozen=True)
class Scorable:
    """Predictions that can be scored together: of one task, `code`, which `task` describes."""

    code: str
    task: TaskKind
    predictions: list[ScoredPrediction]


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
        # Before the file is read: no prediction can be of an unknown task.
        kind_of(code)

    def check(rows: Numbered[ScoredPrediction]) -> Iterator[Problem]:
        try:
            yield from _task_problems(rows, code, kind_of)
        except InputError as error:
            message = f"no way to score it is known ({error})"
            yield Problem(message, line=rows[0][0], field="task")
        if known:
            yield from known.differing(rows)

    def check_whole(rows: Numbered[ScoredPrediction]) -> Iterator[str]:
        if not rows:
            yield "no predictions"
        elif known:
            yield from known.unanswered([prediction for _, prediction in rows])

    predictions = [prediction for _, prediction in read_given(path, code, check, check_whole)]
    # Without a task by name, each prediction has been found to name the same.
    code = code or str(predictions[0].task)
    return Scorable(code, kind_of(code), predictions)


def _task_problems(
    rows: Numbered[ScoredPrediction], code: str | None, kind_of: Callable[[str], TaskKind]
) -> Iterator[Problem]:
    """Why predictions cannot be scored as those of task `code`, or, for None, of their own."""
    first: dict[str | None, int] = {}
    for line, prediction in rows:
        first.setdefault(prediction.task, line)
    if None in first:
        message = "missing: name it in each line, or all at once with --task"
        yield Problem(message, line=first[None], field="task")
    elif code is None and len(first) > 1:
        yield _several_tasks(first)
    elif rows:
        scored = code or str(rows[0][1].task)
        yield from problems(rows, scored, kind_of(scored))


def _several_tasks(lines: Mapping[str | None, int]) -> Problem:
    """The problem that a file has several tasks, on the line of the second."""
    told = [f"{task!r} from line {line}" for task, line in lines.items()]
    if len(told) > MOST_TASKS:
        told[MOST_TASKS:] = [f"{len(told) - MOST_TASKS} more"]
    names = ", ".join(told)
    message = f"several in one file ({names}): make a file of each, and score them one by one"
    return Problem(message, line=list(lines.values())[1], field="task")


def problems(
    rows: Sequence[tuple[int, ScoredPrediction]], code: str, task: TaskKind
) -> Iterator[Problem]:
    """Why numbered predictions cannot be scored together."""
    answers = answer_type(task.answer)
    repeated = list(repeated_ids((line, prediction.id) for line, prediction in rows))
    yield from repeated or _repeated_samples(rows)
    foreign: set[str | None] = set()
    for line, prediction in rows:
        if prediction.task != code:
            # One line a foreign task, not one a record.
            if prediction.task not in foreign:
                message = f"{prediction.task!r}, but the task to score is {code!r}"
                yield Problem(message, line=line, field="task", kind="foreign")
            foreign.add(prediction.task)
            continue
        for problem in answers.problems(prediction):
            yield replace(problem, line=line)


def _repeated_samples(rows: Sequence[tuple[int, ScoredPrediction]]) -> Iterator[Problem]:
    """Samples that a setting has twice, which could be paired with no other's."""
    for setting in dict.fromkeys(prediction.setting for _, prediction in rows):
        own = ((line, one.sample_id) for line, one in rows if one.setting == setting)
        yield from repeated_ids(own, "sample_id")
