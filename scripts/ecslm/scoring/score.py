"""Scoring the predictions of one task under all protocols: metrics and outcomes."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ecslm.common.files import json_line, json_text
from ecslm.common.hashing import sha256_of_text
from ecslm.schemas.metrics_file import (
    ANSWER_DIGITS,
    BertScoreRow,
    Interval95,
    MetricsFile,
    OutcomeRow,
    SettingScores,
    StrictScore,
)
from ecslm.schemas.paths import RECORDS
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind
from ecslm.scoring import intervals
from ecslm.scoring.answers import answer_counts
from ecslm.scoring.baselines import RANDOM, as_prediction
from ecslm.scoring.metrics.protocol import Array, Item, Metric, column_totals, metric
from ecslm.scoring.settings import ScoringSettings


@dataclass(frozen=True)
class TaskScores:
    """The contents of a metrics file and its outcomes file."""

    metrics: MetricsFile
    outcomes: list[OutcomeRow]

    def files(self, output: Path, records: Path | None) -> dict[Path, str | Iterable[str]]:
        """The files of a score script.

        Args:
            records: path of the outcomes; None for one that is named after the metrics.
        """
        metrics, rows = json_text(self.metrics.model_dump()), map(json_line, self.outcomes)
        return {output: metrics, records or output.with_suffix(RECORDS): rows}


def majority_label(train: Sequence[Record], task: TaskKind) -> str:
    """The most frequent answer of the training records; the first in sort order if several are.

    There must be records, with valid references.
    """
    answers = metric(task.metric).ANSWERS
    return answer_counts(answers.reference(as_prediction(record)) for record in train).most_frequent


# Fields of a prediction that its outcome has.
NAMES = {"id", "sample_id", "setting"}

# The scores of one setting, and its outcomes.
Setting = tuple[SettingScores, list[OutcomeRow]]


def score(
    predictions: Sequence[ScoredPrediction],
    task: TaskKind,
    settings: ScoringSettings,
    bertscores: Sequence[BertScoreRow] = (),
    model: str | None = None,
    seed: int | None = None,
    certain: bool = False,
) -> TaskScores:
    """Score the predictions of one task, each setting separately.

    The predictions must have no problems (`ecslm.scoring.predictions`). For a metric that uses
    BERTScore, each needs a row in `bertscores`. Outcomes are in the order of the predictions.
    A value that is `certain`, whatever the records, has no interval.
    """
    measure = metric(task.metric)
    bertscore_of = {one.id: one for one in bertscores}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        items = [measure.item(one, bertscore_of.get(one.id)) for one in records]
        lenient = [replace(one, answer=measure.ANSWERS.lenient(one.record)) for one in items]
        outcomes = measure.outcomes(items)
        sums, lenient_sums = (measure.sums(one) for one in (outcomes, measure.outcomes(lenient)))
        totals = column_totals(sums)
        value, found = (float(measure.values(one)) for one in (totals, column_totals(lenient_sums)))
        ci95, interval = None, None
        if not certain:
            ci95, interval = _interval(value, sums, totals, measure, settings)
        details = {
            **measure.details(items, totals),
            "lenient": {**_value(found), "n_invalid": _invalid(lenient)},
            "interval": interval,
        }
        block = SettingScores(
            **_counts(records, _invalid(items)),
            answers=answer_counts(item.text for item in items),
            strict=StrictScore(**_value(value), ci95=ci95, details=details),
            released=measure.released(items),
            released_2024=measure.released_2024(items),
        )
        return block, [
            OutcomeRow(
                **item.record.model_dump(include=NAMES),
                invalid=item.answer is None,
                answer=sha256_of_text(item.text)[:ANSWER_DIGITS],
                **outcome,
            )
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    return _by_setting(predictions, measure, scored, model, seed)


def score_baseline(
    baseline: str,
    alternatives: Sequence[Sequence[ScoredPrediction]],
    task: TaskKind,
    settings: ScoringSettings,
) -> TaskScores:
    """Score a baseline, of which `alternatives` has the equally likely predictions of each record.

    If it answers at random, the value is the expected one, over all answers, and a record's outcome
    is the mean over its own: an F1 of the means is a little larger than the value. Such a value has
    no sampling interval and no invalid answers: `ci95`, `details.interval` and the released
    protocols, which drop answers, are null.

    Any other gives one answer to each record. If it never says yes, its F1 is 0 with certainty.
    """
    first = [one[0] for one in alternatives]
    if baseline != RANDOM:
        certain = task.answer == "yes_no" and all(one.prediction == "no" for one in first)
        return score(first, task, settings, model=baseline, seed=0, certain=certain)
    measure = metric(task.metric)
    by_id = {one[0].id: one for one in alternatives}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        found = iter(measure.outcomes([measure.item(p) for one in records for p in by_id[one.id]]))
        means = [_mean([next(found) for _ in by_id[one.id]]) for one in records]
        expected = _value(measure.expected(measure.sums(means)))
        strict = StrictScore(**expected, ci95=None, details={"interval": None})
        counts = _counts(records, n_invalid=0)
        block = SettingScores(**counts, strict=strict, released=None, released_2024=None)
        return block, [
            OutcomeRow(**record.model_dump(include=NAMES), invalid=False, **mean)
            for record, mean in zip(records, means, strict=True)
        ]

    return _by_setting(first, measure, scored, baseline, 0)


def _by_setting(
    predictions: Sequence[ScoredPrediction],
    measure: Metric,
    scored: Callable[[Sequence[ScoredPrediction]], Setting],
    model: str | None,
    seed: int | None,
) -> TaskScores:
    """Score each setting, sorted by name (IND before OOD)."""
    found = {
        setting: scored([one for one in predictions if one.setting == setting])
        for setting in sorted({one.setting for one in predictions})
    }
    blocks = {setting: block for setting, (block, _) in found.items()}
    outcome_of = {one.id: one for _, rows in found.values() for one in rows}
    task, name = str(predictions[0].task), measure.NAME
    metrics = MetricsFile(task=task, model=model, seed=seed, metric=name, settings=blocks)
    return TaskScores(metrics, [outcome_of[prediction.id] for prediction in predictions])


def _interval(
    value: float, sums: Array, totals: Array, measure: Metric, settings: ScoringSettings
) -> tuple[Interval95 | None, dict[str, Any]]:
    """The interval, which an undefined value does not have, and how it was computed."""
    rarest, interval, reliable = measure.rarest(totals), None, False
    if math.isnan(value):
        pass
    elif measure.INTERVAL:
        reliable = intervals.wilson_is_reliable(len(sums), rarest)
        interval = measure.INTERVAL(totals, intervals.CONFIDENCE)
    else:
        drawing = settings.resamples, settings.seed
        resampled = intervals.bootstrap_values(sums, measure.values, *drawing)
        reliable = intervals.bootstrap_is_reliable(len(sums), rarest, resampled)
        interval = intervals.bootstrap_interval(value, resampled, len(sums))
    method = "wilson" if measure.INTERVAL else "bootstrap"
    return interval, {"method": method, "reliable": reliable}


def _value(value: float) -> dict[str, Any]:
    """Fields of a value, which is NaN if it is undefined."""
    undefined = math.isnan(value)
    return {"value": 0.0 if undefined else value, "defined": not undefined}


def _invalid(items: Sequence[Item]) -> int:
    return sum(item.answer is None for item in items)


def _counts(records: Sequence[ScoredPrediction], n_invalid: int) -> dict[str, Any]:
    """Numbers of records, invalid answers and, if known, truncated answers."""
    reasons = [record.finish_reason for record in records]
    truncated = None if None in reasons else reasons.count("length")
    return {"n": len(records), "n_invalid": n_invalid, "n_truncated": truncated}


def _mean(values: Sequence[Any]) -> Any:
    """The mean of numbers or, by name, of those of dictionaries, in which a missing one is 0."""
    if not isinstance(values[0], dict):
        return sum(values) / len(values)
    names = dict.fromkeys(name for one in values for name in one)
    return {name: _mean([one.get(name, 0) for one in values]) for name in names}
