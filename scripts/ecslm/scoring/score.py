"""Scoring the predictions of one task under all protocols: metrics and outcomes."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

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
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers.protocol import AnswerType, answer_type
from ecslm.scoring.baselines import is_expectation
from ecslm.scoring.frequent import answer_counts, answer_text
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
    answers, measure = answer_type(task.answer), metric(task.metric)
    bertscore_of = {bertscore.id: bertscore for bertscore in bertscores}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        items = [
            Item(p, answers.reference(p), answers.strict(p), bertscore_of.get(p.id))
            for p in records
        ]
        found = measure.outcomes(items)
        rows = [
            _outcome_row(item.record, item.answer is None, outcome, _digest(answer_text(item)))
            for item, outcome in zip(items, found, strict=True)
        ]
        return _block(items, found, answers, measure, None if certain else settings), rows

    return _scores(predictions, row, measure, scored)


def score_expected(
    alternatives: Sequence[Sequence[ScoredPrediction]], row: Row, task: TaskKind
) -> Scores:
    """Score a random baseline, which gives each of several answers with equal probability.

    `alternatives` has the equally likely predictions of each record. The value is the expected one,
    over all answers, and a record's outcome is the mean over its own: an F1 of the means is a
    little larger than the value. Such a value has no sampling interval and no invalid answers:
    `ci95`, `details.interval` and the released protocols, which drop answers, are null.
    """
    answers, measure = answer_type(task.answer), metric(task.metric)
    by_id = {one[0].id: one for one in alternatives}

    def scored(records: Sequence[ScoredPrediction]) -> Setting:
        items = [
            Item(p, answers.reference(p), answers.strict(p))
            for record in records
            for p in by_id[record.id]
        ]
        found = iter(measure.outcomes(items))
        means = [_mean_outcome([next(found) for _ in by_id[record.id]]) for record in records]
        value, defined = _defined(measure.expected(measure.sums(means)))
        details = StrictDetails(interval=None)
        block = SettingScores(
            **_counts(records, n_invalid=0),
            strict=StrictScore(value=value, defined=defined, ci95=None, details=details),
            released=None,
            released_2024=None,
        )
        rows = zip(records, means, strict=True)
        return block, [_outcome_row(record, False, mean) for record, mean in rows]

    return _scores([one[0] for one in alternatives], row, measure, scored)


def score_baseline(
    baseline: str,
    alternatives: Sequence[Sequence[ScoredPrediction]],
    row: Row,
    task: TaskKind,
    settings: ScoringSettings,
    certain: bool = False,
) -> Scores:
    """Score what a baseline answers: the equally likely predictions of each record, one of each
    unless it answers at random."""
    if is_expectation(baseline):
        return score_expected(alternatives, row, task)
    return score([only for (only,) in alternatives], row, task, settings, certain=certain)


# The scores of one setting, and its outcomes.
Setting = tuple[SettingScores, list[OutcomeRow]]


def _scores(
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
    metrics = MetricsFile(
        task=row.task,
        model=row.model,
        seed=row.seed,
        metric=measure.NAME,
        settings={setting: block for setting, (block, _) in found.items()},
    )
    outcome_of = {one.id: one for _, rows in found.values() for one in rows}
    return Scores(metrics, [outcome_of[prediction.id] for prediction in predictions])


def _block(
    items: Sequence[Item],
    outcomes: Sequence[Outcome],
    answers: AnswerType,
    measure: Metric,
    settings: ScoringSettings | None,
) -> SettingScores:
    """The scores of one setting under the three protocols; without settings, no interval."""
    sums = measure.sums(outcomes)
    totals = column_totals(sums)
    value, defined = _value(totals, measure)
    ci95, interval = None, None
    if settings is not None:
        reliable = False
        # Undefined values have no interval.
        if defined:
            ci95, reliable = _interval(value, sums, totals, measure, settings)
        method: Literal["wilson", "bootstrap"] = "wilson" if measure.INTERVAL else "bootstrap"
        interval = IntervalDetails(method=method, reliable=reliable)
    details = StrictDetails(
        **measure.details(items, totals),
        lenient=_lenient(items, answers, measure),
        interval=interval,
    )
    return SettingScores(
        **_counts([item.record for item in items], sum(item.answer is None for item in items)),
        answers=answer_counts(map(answer_text, items)),
        strict=StrictScore(value=value, defined=defined, ci95=ci95, details=details),
        released=measure.released(items),
        released_2024=measure.released_2024(items),
    )


def _interval(
    value: float, sums: Array, totals: Array, measure: Metric, settings: ScoringSettings
) -> tuple[Interval95, bool]:
    """The interval of a defined value, and whether it is reliable."""
    records = len(sums)
    if measure.INTERVAL:
        interval = measure.INTERVAL(totals, CONFIDENCE)
        return interval, wilson_is_reliable(records, measure.rarest(totals))
    resampled = bootstrap_values(sums, measure.values, settings.resamples, settings.seed)
    interval = bootstrap_interval(value, resampled, records, CONFIDENCE)
    return interval, bootstrap_is_reliable(records, measure.rarest(totals), resampled)


def _lenient(items: Sequence[Item], answers: AnswerType, measure: Metric) -> LenientScore:
    parsed = [replace(item, answer=answers.lenient(item.record)) for item in items]
    value, defined = _value(column_totals(measure.sums(measure.outcomes(parsed))), measure)
    invalid = sum(item.answer is None for item in parsed)
    return LenientScore(value=value, defined=defined, n_invalid=invalid)


def _value(totals: Array, measure: Metric) -> tuple[float, bool]:
    """The value, 0 if undefined, and whether it is defined."""
    return _defined(float(measure.values(totals)))


def _defined(value: float) -> tuple[float, bool]:
    return (0.0, False) if math.isnan(value) else (value, True)


def _counts(records: Sequence[ScoredPrediction], n_invalid: int) -> dict[str, Any]:
    """Numbers of records, invalid answers and, if known, truncated answers."""
    reasons = [record.finish_reason for record in records]
    truncated = None if None in reasons else reasons.count("length")
    return {"n": len(records), "n_invalid": n_invalid, "n_truncated": truncated}


def _outcome_row(
    record: ScoredPrediction, invalid: bool, outcome: Outcome, answer: str | None = None
) -> OutcomeRow:
    return OutcomeRow(
        id=record.id,
        sample_id=record.sample_id,
        setting=record.setting,
        invalid=invalid,
        answer=answer,
        **outcome,
    )


def _digest(answer: str) -> str:
    return sha256_of_text(answer)[:ANSWER_DIGITS]


def _mean_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean of each number or, for numbers by class, of each class."""
    return {name: _mean([outcome[name] for outcome in outcomes]) for name in outcomes[0]}


def _mean(numbers: Sequence[Any]) -> Any:
    if not isinstance(numbers[0], dict):
        return sum(numbers) / len(numbers)
    classes = sorted({name for by_class in numbers for name in by_class})
    return {name: _mean([by_class.get(name, 0) for by_class in numbers]) for name in classes}
