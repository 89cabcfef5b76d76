"""What a score script needs before it can score: its settings, and rows that can be scored."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ecslm.answers.protocol import answer_type
from ecslm.bertscore_row import BertScoreRow
from ecslm.files import InputError, read_jsonl, read_settings
from ecslm.generation.prediction import Prediction
from ecslm.manifests import verify_result
from ecslm.scoring import ScoringSettings
from ecslm.tasks import TaskKind, registered_kind


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


def read_scorable(path: Path, code: str, task: TaskKind) -> list[Prediction]:
    """The predictions of a file, checked for scoring as the task `code`.

    Raises:
        InputError: the file is missing, empty, altered or broken, or a prediction cannot be
            scored; one line a problem.
    """
    verify_result(path)
    predictions = read_jsonl(path, Prediction, lambda rows: problems(rows, code, task))
    if not predictions:
        raise InputError(f"{path}: no predictions")
    return predictions


def problems(
    rows: Sequence[tuple[int, Prediction]], code: str, task: TaskKind
) -> Iterator[tuple[int, str]]:
    """Why numbered predictions cannot be scored together, as (line number, `field: message`)."""
    answers = answer_type(task.answer)
    line_of_id: dict[str, int] = {}
    foreign: set[str] = set()
    for line, prediction in rows:
        first = line_of_id.setdefault(prediction.id, line)
        if first != line:
            yield line, f"id: {prediction.id!r} is already on line {first}"
        if prediction.task != code:
            # One line a foreign task, not one a record.
            if prediction.task not in foreign:
                yield line, f"task: {prediction.task!r}, but the task to score is {code!r}"
            foreign.add(prediction.task)
            continue
        for problem in answers.problems(prediction):
            yield line, problem


def read_bertscores(path: Path, predictions: Sequence[Prediction]) -> list[BertScoreRow]:
    """The BERTScore rows of a file, which must be those of the predictions.

    Raises:
        InputError: the file is missing, altered or broken, or its rows are not exactly the
            predictions'.
    """
    setting_of = {prediction.id: prediction.setting for prediction in predictions}

    def check(rows: Sequence[tuple[int, BertScoreRow]]) -> Iterator[tuple[int, str]]:
        line_of_id: dict[str, int] = {}
        for line, row in rows:
            first = line_of_id.setdefault(row.id, line)
            if first != line:
                yield line, f"id: {row.id!r} is already on line {first}"
            elif row.id not in setting_of:
                yield line, f"id: {row.id!r} is not among the predictions"
            elif row.setting != setting_of[row.id]:
                yield (
                    line,
                    f"setting: {row.setting!r}, but the prediction's is {setting_of[row.id]!r}",
                )

    verify_result(path)
    bertscores = read_jsonl(path, BertScoreRow, check)
    missing = sorted(setting_of.keys() - {row.id for row in bertscores})
    if missing:
        raise InputError(
            f"{path}: no row for {len(missing)} predictions, the first is {missing[0]!r}"
        )
    return bertscores
