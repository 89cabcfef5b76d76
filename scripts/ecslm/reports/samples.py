"""Sample predictions: the best and the worst answers of a model, with their prompts' content.

The task's metric, which is loaded by name, says how good an answer is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.reports.settings import ReportSettings
from ecslm.schemas.outcome import OutcomeRow
from ecslm.schemas.paths import DATASET, sample_paths
from ecslm.schemas.prediction import Prediction, read_predictions
from ecslm.schemas.record import Record, read_records
from ecslm.scoring.metrics.protocol import Metric, metric
from ecslm.scoring.outcomes import read_outcome_rows


@dataclass(frozen=True)
class Sample:
    """One prediction with its record."""

    model: str
    setting: str
    verdict: str
    instruction: str
    input: str
    options: tuple[str, ...]
    reference: str
    prediction: str
    source: str


@dataclass(frozen=True)
class TaskSamples:
    """The samples of a task."""

    task: str
    title: str
    samples: tuple[Sample, ...]


def read_samples(results: Path, settings: ReportSettings) -> list[TaskSamples]:
    """The samples of every task, each model's best and worst in each setting.

    Raises:
        InputError: a file is missing or broken, or predictions, records and outcomes do not match.
    """
    if not settings.samples:
        return []
    found = []
    for task, entry in settings.tasks.items():
        models = [name for name in settings.sample_models if task in settings.models[name].tasks]
        if not models:
            continue
        test = results / DATASET.format(task=task, split="test")
        record_of = {record.id: record for record in read_records(test)}
        samples: list[Sample] = []
        for model in models:
            samples += _model_samples(results, settings, task, model, record_of)
        found.append(TaskSamples(task, entry.title, tuple(samples)))
    return found


def _model_samples(
    results: Path,
    settings: ReportSettings,
    task: str,
    model: str,
    record_of: Mapping[str, Record],
) -> list[Sample]:
    predictions_path, outcomes_path = sample_paths(model, settings.models[model].seeds[0], task)
    prediction_of = {one.id: one for one in read_predictions(results / predictions_path)}
    measure = metric(settings.tasks[task].metric)
    outcomes: dict[str, list[OutcomeRow]] = {}
    for outcome in read_outcome_rows(results / outcomes_path, measure):
        if outcome.id not in prediction_of:
            raise InputError(f"{results / outcomes_path}: {outcome.id}: has no prediction")
        if outcome.id not in record_of:
            raise InputError(f"{results / outcomes_path}: {outcome.id}: has no record")
        outcomes.setdefault(outcome.setting, []).append(outcome)
    return [
        _sample(model, record_of[one.id], prediction_of[one.id], one, measure, predictions_path)
        for setting in sorted(outcomes)
        for one in _best_and_worst(outcomes[setting], measure, settings.samples)
    ]


def _best_and_worst(outcomes: list[OutcomeRow], measure: Metric, count: int) -> list[OutcomeRow]:
    """Ties are ordered by sample id, which is a hash: random, but reproducible."""
    ranked = sorted(
        outcomes, key=lambda one: (-measure.quality(one.outcome), one.sample_id, one.id)
    )
    return ranked if len(ranked) <= 2 * count else [*ranked[:count], *ranked[-count:]]


def _sample(
    model: str,
    record: Record,
    prediction: Prediction,
    outcome: OutcomeRow,
    measure: Metric,
    source: str,
) -> Sample:
    return Sample(
        model=model,
        setting=outcome.setting,
        verdict=_verdict(outcome, measure),
        instruction=record.instruction,
        input=record.input,
        options=tuple(record.options or ()),
        reference=prediction.reference,
        prediction=prediction.prediction,
        source=source,
    )


def _verdict(outcome: OutcomeRow, measure: Metric) -> str:
    if outcome.invalid:
        return "invalid"
    quality = measure.quality(outcome.outcome)
    if quality in (0.0, 1.0):
        return "right" if quality else "wrong"
    return f"score {quality:.3f}"
