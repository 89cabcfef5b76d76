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
    IntervalDetails,
    LenientScore,
    MetricsFile,
    Outcome,
    OutcomeRow,
    SettingScores,
    StrictDetails,
    StrictScore,
)
from ecslm.schemas.paths import RECORDS
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers import answer_counts
from ecslm.scoring.baselines import RANDOM, as_prediction
from ecslm.scoring.intervals import (
    CONFIDENCE,
    bootstrap_interval,
    bootstrap_is_reliable,
    bootstrap_values,
    wilson_is_reliable,
)
from ecslm.scoring.metrics.protocol import Array, Item, Metric, column_totals, metric
from ecslm.scoring.settings import ScoringSettings


@dataclass(frozen=True)
class Row:
    """What a metrics file describes: the task's code, and model and seed if known."""

    task: str
    model: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Scores:
    """The contents of a metrics file and its outcomes file."""

    metrics: MetricsFile
    outcomes: list[OutcomeRow]

    def files(self, output: Path, records: Path | None) -> dict[Path, str | Iterable[str]]:
        """The files of a score script.

        Args:
            records: path of the outcomes; None for one that is named after the metrics.
        """
        return {
            output: json_text(self.metrics.model_dump()),
            records or output.with_suffix(RECORDS): map(json_line, self.outcomes),
        }


def majority_label(train: Sequence[Record], task: TaskKind) -> str:
    """The most frequent answer of the training records; the first in sort order if several are.

    There must be records, with valid references.
    """
    answers = metric(task.metric).ANSWERS
    return answer_counts(answers.reference(as_prediction(record)) for record in train).most_frequent


# The scores of one setting, and its outcomes.
Setting = tuple[SettingScores, list[OutcomeRow]]


def score(
    predictions: Sequence[ScoredPrediction],
    row: Row,
    task: TaskKind,
    settings: ScoringSettings,
    bertscores: Sequence[BertScoreRow] = (),
    certain: bool = False,
) -> Scores:
    """Score the predictions of one task, each setting separately.

    The predictions must have no problems (`ecslm.scoring.predictions`). For a metric that uses
    BERTScore, each needs a row in `bertscores`. Outcomes are in the order of the predictions.
    A value that is `certain`, whatever the records, has no interval.
    """
    measure = metric(task.metric)
    bertscore_of = {one.id: one for one in bertscores}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        items = [measure.item(one, bertscore_of.get(one.id)) for one in records]
        outcomes = measure.outcomes(items)
        rows = [
            _outcome_row(item.record, outcome, item.answer is None, item.text)
            for item, outcome in zip(items, outcomes, strict=True)
        ]
        return _setting_scores(items, outcomes, measure, None if certain else settings), rows

    return _by_setting(predictions, row, measure, scored)


def score_baseline(
    baseline: str,
    alternatives: Sequence[Sequence[ScoredPrediction]],
    row: Row,
    task: TaskKind,
    settings: ScoringSettings,
) -> Scores:
    """Score a baseline, of which `alternatives` has the equally likely predictions of each record.

    If it answers at random, the value is the expected one, over all answers, and a record's outcome
    is the mean over its own: an F1 of the means is a little larger than the value. Such a value has
    no sampling interval and no invalid answers: `ci95`, `details.interval` and the released
    protocols, which drop answers, are null.

    Any other gives one answer to each record. If it never says yes, its F1 is 0 with certainty.
    """
    if baseline != RANDOM:
        given = [only for (only,) in alternatives]
        certain = task.answer == "yes_no" and all(one.prediction == "no" for one in given)
        return score(given, row, task, settings, certain=certain)
    measure = metric(task.metric)
    by_id = {one[0].id: one for one in alternatives}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        found = iter(measure.outcomes([measure.item(p) for one in records for p in by_id[one.id]]))
        means = [_mean_outcome([next(found) for _ in by_id[one.id]]) for one in records]
        expected = measure.expected(measure.sums(means))
        block = SettingScores(
            **_counts(records, n_invalid=0),
            strict=StrictScore(**_value(expected), ci95=None, details=StrictDetails(interval=None)),
            released=None,
            released_2024=None,
        )
        return block, [_outcome_row(*pair) for pair in zip(records, means, strict=True)]

    return _by_setting([one[0] for one in alternatives], row, measure, scored)


def _by_setting(
    predictions: Sequence[ScoredPrediction],
    row: Row,
    measure: Metric,
    scored: Callable[[Sequence[ScoredPrediction]], Setting],
) -> Scores:
    """Score each setting, sorted by name (IND before OOD)."""
    groups: dict[str, list[ScoredPrediction]] = {}
    for prediction in predictions:
        groups.setdefault(prediction.setting, []).append(prediction)
    found = {setting: scored(records) for setting, records in sorted(groups.items())}
    blocks = {setting: block for setting, (block, _) in found.items()}
    outcome_of = {one.id: one for _, rows in found.values() for one in rows}
    return Scores(
        MetricsFile(**vars(row), metric=measure.NAME, settings=blocks),
        [outcome_of[prediction.id] for prediction in predictions],
    )


def _setting_scores(
    items: Sequence[Item],
    outcomes: Sequence[Outcome],
    measure: Metric,
    settings: ScoringSettings | None,
) -> SettingScores:
    """The scores of one setting under the three protocols; without settings, no interval."""
    sums = measure.sums(outcomes)
    totals = column_totals(sums)
    value = float(measure.values(totals))
    ci95, interval = None, None
    if settings is not None:
        ci95, interval = _interval(value, sums, totals, measure, settings)
    lenient = [replace(one, answer=measure.ANSWERS.lenient(one.record)) for one in items]
    found = measure.values(column_totals(measure.sums(measure.outcomes(lenient))))
    details = StrictDetails(
        **measure.details(items, totals),
        lenient=LenientScore(**_value(float(found)), n_invalid=_invalid(lenient)),
        interval=interval,
    )
    return SettingScores(
        **_counts([item.record for item in items], _invalid(items)),
        answers=answer_counts(item.text for item in items),
        strict=StrictScore(**_value(value), ci95=ci95, details=details),
        released=measure.released(items),
        released_2024=measure.released_2024(items),
    )


def _interval(
    value: float, sums: Array, totals: Array, measure: Metric, settings: ScoringSettings
) -> tuple[Interval95 | None, IntervalDetails]:
    """The interval, which an undefined value does not have, and how it was computed."""
    if math.isnan(value):
        method = "wilson" if measure.INTERVAL else "bootstrap"
        return None, IntervalDetails(method=method, reliable=False)
    rarest = measure.rarest(totals)
    if measure.INTERVAL:
        reliable = wilson_is_reliable(len(sums), rarest)
        details = IntervalDetails(method="wilson", reliable=reliable)
        return measure.INTERVAL(totals, CONFIDENCE), details
    resampled = bootstrap_values(sums, measure.values, settings.resamples, settings.seed)
    reliable = bootstrap_is_reliable(len(sums), rarest, resampled)
    details = IntervalDetails(method="bootstrap", reliable=reliable)
    return bootstrap_interval(value, resampled, len(sums), CONFIDENCE), details


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


def _outcome_row(
    record: ScoredPrediction, outcome: Outcome, invalid: bool = False, answer: str | None = None
) -> OutcomeRow:
    return OutcomeRow(
        id=record.id,
        sample_id=record.sample_id,
        setting=record.setting,
        invalid=invalid,
        answer=None if answer is None else sha256_of_text(answer)[:ANSWER_DIGITS],
        **outcome,
    )


def _mean_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean of each number or, for numbers by class, of each class."""
    return {name: _mean([outcome[name] for outcome in outcomes]) for name in outcomes[0]}


def _mean(numbers: Sequence[Any]) -> Any:
    if not isinstance(numbers[0], dict):
        return sum(numbers) / len(numbers)
    classes = sorted({name for by_class in numbers for name in by_class})
    return {name: _mean([by_class.get(name, 0) for by_class in numbers]) for name in classes}
