"""Which of a task's simple baselines is the best on records that are not for tests."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from ecslm.comparisons.settings import ChooseSettings
from ecslm.data.labels import by_rank
from ecslm.families.learned.fields import word_f1
from ecslm.families.learned.holding_out import held_out
from ecslm.families.learned.learning import learn
from ecslm.schemas.metrics_file import SimpleBaselines
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import Record
from ecslm.schemas.task import BERTSCORE_METRICS, TaskKind
from ecslm.scoring.baselines import answers_of, as_prediction
from ecslm.scoring.score import majority_label, score_baseline
from ecslm.scoring.settings import ScoringSettings

# In place of BERTScore, which needs an encoder.
WORD_F1 = "word F1"
# Intervals are not looked at.
QUICK = ScoringSettings(resamples=1)


def choose(
    settings: ChooseSettings, train: Sequence[Record], val: Sequence[Record]
) -> SimpleBaselines:
    """Score a task's baselines on validation records.

    Where these are few, a score is the mean of that and of the one on all records, each held out
    once: the latter depends less on chance, but training records may share texts with one another
    that tests do not have, from which what copies gains most.
    """
    if settings.task.answer == "ranking":
        # Only test records must have labels.
        train, val = ([one if one.relevance else by_rank(one) for one in x] for x in (train, val))
    every = [*train, *val]
    held = held_out(train, val)
    rounds = [held]
    if len(held) > 1 and train and val:
        rounds.append([(np.arange(len(train)), np.arange(len(train), len(every)))])
    by_round = [
        _scores(settings, [([every[i] for i in a], [every[i] for i in b]) for a, b in parts])
        for parts in rounds
    ]
    scores = {name: fmean(one[name] for one in by_round) for name in by_round[0]}
    stands_in = settings.task.metric in BERTSCORE_METRICS
    return SimpleBaselines(
        task=every[0].task,
        metric=WORD_F1 if stands_in else settings.task.metric,
        n=sum(len(some) for _, some in held),
        scores=scores,
        best=max(scores, key=lambda name: scores[name]),
    )


def _scores(
    settings: ChooseSettings, parts: Sequence[tuple[Sequence[Record], Sequence[Record]]]
) -> dict[str, float]:
    """The scores of baselines on all parts together, each with the records to learn from."""
    answered: dict[str, list[list[ScoredPrediction]]] = {}
    for known, records in parts:
        label = majority_label(known, settings.task) if "majority" in settings.trivial else ""
        for name in settings.trivial:
            for record in records:
                texts = answers_of(name, record, settings.task, label)
                answered.setdefault(name, []).append([as_prediction(record, x) for x in texts])
        for learned, own in sorted(settings.learned.items()):
            texts = learn(own.method, own.task, known, [])(records)
            for record, text in zip(records, texts, strict=True):
                answered.setdefault(learned, []).append([as_prediction(record, text)])
    return {name: _score(name, found, settings.task) for name, found in answered.items()}


def _score(name: str, answered: Sequence[Sequence[ScoredPrediction]], task: TaskKind) -> float:
    if task.metric in BERTSCORE_METRICS:
        return sum(word_f1(one.prediction, one.reference) for (one,) in answered) / len(answered)
    (only,) = score_baseline(name, answered, task, QUICK).metrics.settings.values()
    return only.strict.value
