"""Sample records with the answers of all models, side by side."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.reports.settings import ReportSettings
from ecslm.schemas.paths import RECORDS_PARQUET
from ecslm.schemas.task import EXAMPLE
from ecslm.tidy.rows import Row, read_tidy


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
    report is about first. Those with an example in the prompt are to the same sample."""

    sample_id: str
    task: str
    setting: str
    instruction: str
    input: str
    options: tuple[str, ...]
    output: str
    answers: tuple[Answer, ...]


def read_samples(results: Path, settings: ReportSettings) -> list[Sample]:
    """The samples of all tasks: in every setting those that the model which the report is about
    answers worst, and then those that it answers best.

    Raises:
        InputError: the records are altered.
        OSError: they are missing.
    """
    found: list[Sample] = []
    for task in settings.tasks if settings.samples else ():
        # Ids of samples are hashes: in an order that is random, but reproducible.
        samples = list(_answered(results, settings, task))
        samples.sort(key=lambda one: (one.answers[0].quality, one.sample_id))
        for setting in sorted({one.setting for one in samples}):
            ranked = [one for one in samples if one.setting == setting]
            shown = min(settings.samples, len(ranked))
            found += ranked[: shown - shown // 2] + ranked[len(ranked) - shown // 2 :]
    return found


def _answered(results: Path, settings: ReportSettings, task: str) -> Iterator[Sample]:
    """The test records of a task that any model answers."""
    # The one that the report is about comes first.
    models = sorted(settings.models, key=lambda name: name != settings.answering)
    first = {name: settings.context.models[name].seeds[0] for name in models}
    found = {"task": [task], "model": models, "seed": {*first.values()}}
    rows = [
        row
        for row in read_tidy(results / RECORDS_PARQUET, **found)
        if row["seed"] == first[row["model"]]
    ]
    rows.sort(key=lambda row: models.index(row["model"]))
    samples: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        samples.setdefault((row["setting"].removesuffix(EXAMPLE), row["sample_id"]), []).append(row)
    for (setting, sample_id), some in samples.items():
        row = some[0]
        yield Sample(
            sample_id=sample_id,
            task=task,
            setting=setting,
            instruction=row["instruction"],
            input=row["input"],
            options=tuple(json.loads(row["options"] or "[]")),
            output=row["reference"],
            answers=tuple(
                Answer(one["model"], one["prediction"], one["quality"], one["invalid"])
                for one in some
            ),
        )


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
