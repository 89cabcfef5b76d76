"""Sample records with the answers of all models, side by side.

The task's metric, which is loaded by name, says how good an answer is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.reports.settings import ReportSettings, models_answering
from ecslm.schemas.paths import DATASET, OUTCOMES, PREDICTIONS
from ecslm.schemas.prediction import read_predictions
from ecslm.schemas.record import Record, read_records
from ecslm.schemas.task import EXAMPLE
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import read_outcome_rows


@dataclass(frozen=True)
class Answer:
    """What a model answered to a record, by its first seed: quality from 0 (wrong) to 1."""

    model: str
    text: str
    quality: float
    invalid: bool

    @property
    def verdict(self) -> str:
        """How good it is, in a word."""
        words = {0.0: "wrong", 1.0: "right"}
        partly = f"partly right, {self.quality:.2f}"
        return "invalid" if self.invalid else words.get(self.quality, partly)


@dataclass(frozen=True)
class Sample:
    """A record with the answers of all models that were asked it, that of the model which the
    report is about first."""

    record: Record
    answers: tuple[Answer, ...]


def read_samples(results: Path, settings: ReportSettings) -> list[Sample]:
    """The samples of all tasks: in every setting those that the model which the report is about
    answers worst, and then those that it answers best.

    Raises:
        InputError: a file is missing or broken.
    """
    found: list[Sample] = []
    for task in settings.tasks if settings.samples else ():
        # Ids of samples are hashes: in an order that is random, but reproducible.
        samples = list(_answered(results, settings, task))
        samples.sort(key=lambda one: (one.answers[0].quality, one.record.sample_id))
        for setting in sorted({one.record.setting for one in samples}):
            ranked = [one for one in samples if one.record.setting == setting]
            shown = min(settings.samples, len(ranked))
            found += ranked[: shown - shown // 2] + ranked[len(ranked) - shown // 2 :]
    return found


def _answered(results: Path, settings: ReportSettings, task: str) -> Iterator[Sample]:
    """The test records of a task that any model answers; those with an example in the prompt are
    the same samples."""
    if not (models := models_answering(settings, task)):
        return
    measure = metric(settings.metrics[task])
    answers: dict[tuple[str, str], list[Answer]] = {}
    # The one that the report is about comes first.
    for model in sorted(models, key=lambda name: name != settings.answering):
        job = {"model": model, "seed": settings.context.models[model].seeds[0], "task": task}
        predictions = read_predictions(results / PREDICTIONS.format(**job))
        texts = {one.id: one.prediction for one in predictions}
        for row in read_outcome_rows(results / OUTCOMES.format(**job)):
            answer = Answer(model, texts[row.id], measure.quality(row.outcome), row.invalid)
            sample = row.setting.removesuffix(EXAMPLE), row.sample_id
            answers.setdefault(sample, []).append(answer)
    for record in read_records(results / DATASET.format(task=task, split="test")):
        if given := answers.get((record.setting, record.sample_id)):
            yield Sample(record, tuple(given))


def readable(text: str) -> str:
    """A text; what is JSON as lines of names and values."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return "\n".join(_parts(value)) if isinstance(value, dict | list) else text


def _parts(value: Any) -> list[str]:
    if isinstance(value, dict):
        # Some names end with a colon of their own.
        return [f"{name.rstrip(':')}: {'; '.join(_parts(one))}" for name, one in value.items()]
    if isinstance(value, list):
        return ["; ".join(_parts(one)) for one in value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
