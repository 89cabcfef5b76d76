"""Sample records with the answers of all models, side by side.

The task's metric, which is loaded by name, says how good an answer is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.reports.settings import ReportModel, ReportSettings, ReportTask
from ecslm.schemas.metrics_file import OutcomeRow
from ecslm.schemas.paths import DATASET, sample_paths
from ecslm.schemas.prediction import Prediction, read_predictions
from ecslm.schemas.record import Record, read_records
from ecslm.schemas.task import EXAMPLE
from ecslm.scoring.metrics.protocol import Metric, metric
from ecslm.scoring.outcomes import read_outcome_rows


@dataclass(frozen=True)
class Answer:
    """What a model answered to a record, by its first seed."""

    model: str
    text: str
    verdict: str


@dataclass(frozen=True)
class Sample:
    """A record with the answers of all models that were asked it, in order."""

    task: str
    setting: str
    instruction: str
    input: str
    options: tuple[str, ...]
    reference: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class TaskSamples:
    """The samples of a task."""

    task: ReportTask
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class _Answered:
    """A model's answers in one setting, by sample."""

    model: str
    outcomes: dict[str, OutcomeRow]
    predictions: dict[str, Prediction]


def read_samples(results: Path, settings: ReportSettings) -> list[TaskSamples]:
    """The samples of every task, in every setting: those that each model answers best and worst.

    Raises:
        InputError: a file is missing or broken, or predictions, records and outcomes do not match.
    """
    found = []
    for task in settings.tasks if settings.samples else ():
        models = [model for model in settings.models if task.code in model.tasks]
        if models:
            found.append(TaskSamples(task, tuple(_task_samples(results, task, models, settings))))
    return found


def _task_samples(
    results: Path, task: ReportTask, models: Sequence[ReportModel], settings: ReportSettings
) -> Iterator[Sample]:
    measure = metric(task.metric)
    test = results / DATASET.format(task=task.code, split="test")
    records = {record.id: record for record in read_records(test)}
    # Those with an example in the prompt are the same samples.
    by_sample = {(_without_example(one.setting), one.sample_id): one for one in records.values()}
    by_setting: dict[str, list[_Answered]] = {}
    for model in models:
        for setting, answered in _read(results, task.code, model, measure, records).items():
            by_setting.setdefault(setting, []).append(answered)
    for setting in sorted(by_setting):
        for sample in _chosen(by_setting[setting], measure, settings.samples):
            record = by_sample[setting, sample]
            yield Sample(
                task=task.code,
                setting=setting,
                instruction=record.instruction,
                input=record.input,
                options=tuple(record.options or ()),
                reference=record.output,
                answers=tuple(
                    Answer(
                        one.model, one.predictions[sample].prediction, _verdict(outcome, measure)
                    )
                    for one in by_setting[setting]
                    if (outcome := one.outcomes.get(sample)) is not None
                ),
            )


def _read(
    results: Path,
    task: str,
    model: ReportModel,
    measure: Metric,
    records: Mapping[str, Record],
) -> dict[str, _Answered]:
    """A model's answers by setting."""
    predictions_path, outcomes_path = sample_paths(model.name, model.seeds[0], task)
    prediction_of = {one.id: one for one in read_predictions(results / predictions_path)}
    found: dict[str, _Answered] = {}
    for outcome in read_outcome_rows(results / outcomes_path, measure):
        for known, what in ((prediction_of, "prediction"), (records, "record")):
            if outcome.id not in known:
                raise InputError(f"{results / outcomes_path}: {outcome.id}: has no {what}")
        setting = _without_example(outcome.setting)
        answered = found.setdefault(setting, _Answered(model.name, {}, {}))
        answered.outcomes[outcome.sample_id] = outcome
        answered.predictions[outcome.sample_id] = prediction_of[outcome.id]
    return found


def _without_example(setting: str) -> str:
    return setting.removesuffix(EXAMPLE)


def _chosen(answered: Sequence[_Answered], measure: Metric, count: int) -> list[str]:
    """Samples that models answer best and worst, in turn: one of each of every model, then the
    next ones."""
    turns = zip_longest(*(_best_and_worst(one, measure) for one in answered))
    samples = (sample for turn in turns for sample in turn if sample is not None)
    return list(dict.fromkeys(samples))[:count]


def _best_and_worst(answered: _Answered, measure: Metric) -> Iterator[str]:
    """A model's samples: the best, the worst, the second best and so on. Ties are ordered by sample
    id, which is a hash: random, but reproducible.
    """
    ranked = sorted(
        answered.outcomes.items(), key=lambda one: (-measure.quality(one[1].outcome), one[0])
    )
    order = [sample for sample, _ in ranked]
    for number in range(len(order)):
        half, from_end = divmod(number, 2)
        yield order[-1 - half] if from_end else order[half]


def _verdict(outcome: OutcomeRow, measure: Metric) -> str:
    if outcome.invalid:
        return "invalid"
    quality = measure.quality(outcome.outcome)
    if quality in (0.0, 1.0):
        return "right" if quality else "wrong"
    return f"score {quality:.3f}"
