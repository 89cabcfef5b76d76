"""Reading the user's own predictions files, with defaults for fields that they leave out."""

from collections.abc import Callable, Iterable
from pathlib import Path

from ecslm.common.errors import Problem
from ecslm.common.rows import Numbered, read_rows
from ecslm.schemas.prediction import GivenPrediction, ScoredPrediction
from ecslm.schemas.record import DEFAULT_SETTING


def read_given(
    path: Path,
    task: str | None = None,
    check: Callable[[Numbered[ScoredPrediction]], Iterable[Problem]] = lambda _: (),
    check_whole: Callable[[Numbered[ScoredPrediction]], Iterable[str]] = lambda _: (),
) -> Numbered[ScoredPrediction]:
    """Read the predictions of a file, with their line numbers.

    Defaults: `id` is the line number, `sample_id` the `id`, and `setting` is in-domain.

    Args:
        task: the task of predictions without one.
        check: as in `read_rows`, like `check_whole`.

    Raises:
        InputError: the file is missing, altered or invalid, or a check found problems.
    """
    completed: list[tuple[int, ScoredPrediction]] = []

    def check_completed(rows: Numbered[GivenPrediction]) -> Iterable[Problem]:
        completed.extend((line, _completed(line, row, task)) for line, row in rows)
        return check(completed)

    read_rows(path, GivenPrediction, check_completed, lambda _: check_whole(completed))
    return completed


def _completed(line: int, given: GivenPrediction, task: str | None) -> ScoredPrediction:
    name = str(line) if given.id is None else given.id
    filled = {
        "id": name,
        "sample_id": name if given.sample_id is None else given.sample_id,
        "task": task if given.task is None else given.task,
        "setting": DEFAULT_SETTING if given.setting is None else given.setting,
    }
    # Its fields have been validated.
    return ScoredPrediction.model_construct(**{**vars(given), **filled})
