"""Sample predictions: the best and the worst answers of a model, with what it was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ecslm.common.errors import InputError
from ecslm.common.files import read_jsonl
from ecslm.common.manifests import manifest_of, verify_result
from ecslm.reports.settings import ReportSettings, sample_paths
from ecslm.schemas.prediction import Prediction, read_predictions
from ecslm.schemas.record import Record, read_records

# What metrics sum for a record: either one quality, or counts of hits and of errors.
QUALITIES = ("gain", "score")
HITS = ("tp", "tn", "nv", "cv")
ERRORS = ("fp", "fn", "iv", "wv", "nl")


class OutcomeRow(BaseModel):
    """A line of `metrics/{model}/seed-{seed}/{task}.records.jsonl`; its numbers are kept."""

    model_config = ConfigDict(extra="allow")

    id: str
    sample_id: str
    setting: str
    invalid: bool

    def quality(self) -> float:
        """From 0 (wrong) to 1 (right)."""
        numbers: dict[str, Any] = self.__pydantic_extra__ or {}
        for name in QUALITIES:
            if name in numbers:
                return float(numbers[name])
        hits = sum(_total(numbers.get(name, 0)) for name in HITS)
        errors = sum(_total(numbers.get(name, 0)) for name in ERRORS)
        return hits / (hits + errors) if hits + errors else 0.0


@dataclass(frozen=True)
class Sample:
    """One prediction beside its record."""

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
        InputError: a file is missing or broken, or the files do not fit together.
    """
    if not settings.samples:
        return []
    found = []
    for task, title in settings.tasks.items():
        models = [name for name in settings.sample_models if task in settings.models[name].tasks]
        if not models:
            continue
        record_of = {record.id: record for record in read_records(_test_file(results, task))}
        samples: list[Sample] = []
        for model in models:
            samples += _model_samples(results, settings, task, model, record_of)
        found.append(TaskSamples(task, title, tuple(samples)))
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
    outcomes: dict[str, list[OutcomeRow]] = {}
    metrics = (results / outcomes_path).with_name(f"{task}.json")
    verify_result(results / outcomes_path, manifest_of(metrics))
    for outcome in read_jsonl(results / outcomes_path, OutcomeRow):
        if outcome.id not in prediction_of:
            raise InputError(f"{results / outcomes_path}: {outcome.id}: has no prediction")
        if outcome.id not in record_of:
            raise InputError(f"{results / outcomes_path}: {outcome.id}: has no record")
        outcomes.setdefault(outcome.setting, []).append(outcome)
    return [
        _sample(model, record_of[one.id], prediction_of[one.id], one, predictions_path)
        for setting in sorted(outcomes)
        for one in _best_and_worst(outcomes[setting], settings.samples)
    ]


def _best_and_worst(outcomes: list[OutcomeRow], count: int) -> list[OutcomeRow]:
    """Sample ids are hashes, so that among equals their order is as good as chance, and fixed."""
    ranked = sorted(outcomes, key=lambda one: (-one.quality(), one.sample_id, one.id))
    return ranked if len(ranked) <= 2 * count else [*ranked[:count], *ranked[-count:]]


def _sample(
    model: str, record: Record, prediction: Prediction, outcome: OutcomeRow, source: str
) -> Sample:
    return Sample(
        model=model,
        setting=outcome.setting,
        verdict=_verdict(outcome),
        instruction=record.instruction,
        input=record.input,
        options=tuple(record.options or ()),
        reference=prediction.reference,
        prediction=prediction.prediction,
        source=source,
    )


def _verdict(outcome: OutcomeRow) -> str:
    if outcome.invalid:
        return "invalid"
    quality = outcome.quality()
    if quality in (0.0, 1.0):
        return "right" if quality else "wrong"
    return f"score {quality:.3f}"


def _total(number: Any) -> float:
    """A number, or the sum of numbers by class."""
    return float(sum(number.values()) if isinstance(number, dict) else number)


def _test_file(results: Path, task: str) -> Path:
    return results / "dataset" / task / "test.jsonl"
