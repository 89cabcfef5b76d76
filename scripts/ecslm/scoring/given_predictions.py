"""Reading the user's own predictions files, with defaults for fields that they leave out."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ecslm.common.errors import Problem
from ecslm.common.text import nearest
from ecslm.schemas.prediction import GivenPrediction, ScoredPrediction
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.scoring.rows import Numbered, read_rows


class _GivenRow(GivenPrediction):
    """A line of the file; its error for an unknown field suggests the nearest known one."""

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_fields(
        cls, given: Any, validate: ModelWrapValidatorHandler["_GivenRow"]
    ) -> "_GivenRow":
        try:
            return validate(given)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__,
                [_with_suggestion(detail) for detail in error.errors(include_url=False)],
            ) from None


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

    def check_completed(rows: Numbered[_GivenRow]) -> Iterable[Problem]:
        completed.extend((line, _completed(line, row, task)) for line, row in rows)
        return check(completed)

    read_rows(path, _GivenRow, check_completed, lambda _: check_whole(completed))
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


def _with_suggestion(detail: Any) -> InitErrorDetails:
    """A pydantic error; that of an unknown field gets a suggestion."""
    kind, location = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        hint = nearest(str(location[-1]), GivenPrediction.model_fields)
        kind = PydanticCustomError("unknown_field", "unknown field{hint}", {"hint": hint})
    return InitErrorDetails(
        type=kind, loc=location, input=detail["input"], ctx=detail.get("ctx", {})
    )
