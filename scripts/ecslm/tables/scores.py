"""Scores as tables need them: metrics files of one row and task, summarised over seeds.

With several seeds the value is the mean over seeds, with its standard deviation over seeds, and the
interval is that of the mean, from the file of the score over seeds.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean, stdev

from ecslm.common.manifests import read_result
from ecslm.schemas.metrics_file import (
    MetricsFile,
    OverSeedsFile,
    SettingScores,
    SimpleBaselines,
    StrictScore,
    Value,
)
from ecslm.schemas.paths import METRICS_FILE, OVER_SEEDS, SIMPLE_BASELINES
from ecslm.tables.model import Cell, Interval, Sources, percent_text
from ecslm.tables.settings import TableContext

# Characters of an answer that a note quotes.
MOST_OF_ANSWER = 30


class Measured:
    """The scores of a row in one task and setting; what is not known of every seed is None.

    Attributes:
        records: test records, the same for each seed.
        seeds: how many there are.
        sources: their files.
        strict, released, released_2024: means over seeds.
        lenient: the strict metric with the forgiving parser.
        invalid, truncated: shares of answers that cannot be parsed, or were cut off.
        most_frequent: share of the most frequent answer of each seed.
        distinct: how many different answers a seed gave at most.
        constant: the answer that every seed gives nearly always, in words.
        details: the metric's own fields, of the first seed.
        cell: the headline cell: strict value, interval, standard deviation over seeds.
    """

    def __init__(
        self,
        scores: Sequence[SettingScores],
        sources: Sources,
        interval: Interval | None,
        interval_sources: Sources = (),
    ) -> None:
        """
        Args:
            scores: one for each seed.
            interval: that of the strict value, or of its mean over seeds.
            interval_sources: its file, if that is another one.
        """
        strict, answers = [one.strict for one in scores], [one.answers for one in scores]
        self.records, self.seeds, self.sources = scores[0].n, len(scores), sources
        self.strict = _mean(map(_known, strict))
        self.released = _mean(_known(one.released) for one in scores)
        self.released_2024 = _mean(_known(one.released_2024) for one in scores)
        self.lenient = _mean(_known(one.lenient) for one in strict)
        self.invalid = _mean(one.n_invalid / one.n for one in scores)
        cut = [one.n_truncated for one in scores]
        self.truncated = _mean(None if one is None else one / self.records for one in cut)
        self.most_frequent = _mean(one.count / self.records if one else None for one in answers)
        self.distinct = max((one.distinct for one in answers if one), default=None)
        self.constant: str | None = None
        if self.most_frequent is not None and all(one.is_constant for one in scores):
            # In ASCII, since LaTeX cannot print every character that a model may answer.
            quoted = (ascii(one.most_frequent)[:MOST_OF_ANSWER] for one in answers if one)
            words, in_all = " or ".join(dict.fromkeys(quoted)), self.most_frequent == 1
            rest = f"{words} in {percent_text(self.most_frequent)} %"
            self.constant = f"always {words}" if in_all else rest
        self.details = strict[0].of_metric
        self.cell = Cell.score(self.strict, (*interval_sources, *sources))
        if self.strict is not None:
            mcc = _mean(one.details.get("mcc") for one in strict)
            sd = stdev(one.value for one in strict) if len(strict) > 1 else None
            self.cell = replace(self.cell, sd=sd, mcc=mcc, interval=interval)

    @property
    def plain(self) -> Cell:
        """The headline cell without its interval."""
        return replace(self.cell, interval=None)


def _interval(score: StrictScore) -> Interval | None:
    """The 95 % interval of a value, if it has one."""
    if score.ci95 is None:
        return None
    about = score.details["interval"]
    return Interval(*score.ci95, reliable=about is not None and about["reliable"])


def _known(value: Value | None) -> float | None:
    return value.known if value else None


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean; None if one of the values is not known."""
    found = list(values)
    known = [one for one in found if one is not None]
    return fmean(known) if known and len(known) == len(found) else None


def best_simple(results: Path, task: str) -> str:
    """The row of the best simple baseline of a task, trivial or learned, by what name models are
    judged. It was chosen without test records; its only seed is 0.

    Raises:
        InputError: the choice is missing or was altered.
    """
    return read_result(results / SIMPLE_BASELINES.format(task=task), SimpleBaselines).best


def score_files(study: TableContext) -> Iterator[str]:
    """The scores of all models and baselines, those over seeds, and the choice of the best simple
    baselines, relative to the study's results directory."""
    for name, model in sorted(study.models.items()):
        for task in model.tasks:
            yield from (
                METRICS_FILE.format(model=name, seed=seed, task=task) for seed in model.seeds
            )
            if len(model.seeds) > 1:
                yield OVER_SEEDS.format(model=name, task=task)
    for name, tasks in sorted(study.baselines.items()):
        yield from (METRICS_FILE.format(model=name, seed=0, task=task) for task in tasks)
    for task, names in sorted(study.simple.items()):
        yield SIMPLE_BASELINES.format(task=task)
        yield from (METRICS_FILE.format(model=name, seed=0, task=task) for name in names)


# By row and task.
Scored = Mapping[tuple[str, str], Measured]


class Scores:
    """The scores of a study's models and baselines. In a `partial` study files may be missing."""

    def __init__(self, results: Path, study: TableContext, partial: bool = False) -> None:
        self._results, self._study, self._partial = results, study, partial
        self._metrics = cache(lambda path: read_result(results / path, MetricsFile).settings)

    def of(self, name: str | None, task: str, setting: str) -> Measured | None:
        """The scores of a model, in the setting of its number of examples, or of a trivial
        baseline; None where there are none."""
        model = self._study.models.get(name or "")
        tasks = model.tasks if model else self._study.baselines.get(name or "", ())
        if name is None or task not in tasks:
            return None
        seeds, setting = (model.seeds, model.setting(setting)) if model else ((0,), setting)
        paths = tuple(METRICS_FILE.format(model=name, seed=seed, task=task) for seed in seeds)
        if any(map(self._is_missing, paths)):
            return None
        found = [self._metrics(path) for path in paths]
        if not all(setting in scores for scores in found):
            return None
        scores = [by_setting[setting] for by_setting in found]
        if len(seeds) == 1:
            return Measured(scores, paths, _interval(scores[0].strict))
        path = OVER_SEEDS.format(model=name, task=task)
        if self._is_missing(path):
            return Measured(scores, paths, None)
        over_seeds = read_result(self._results / path, OverSeedsFile).settings[setting].strict
        return Measured(scores, paths, _interval(over_seeds), (path,))

    def of_all(self, names: Iterable[str], tasks: Collection[str], setting: str) -> Scored:
        """The scores of rows in some tasks, as far as there are any, row by row."""
        found = {(name, task): self.of(name, task, setting) for name in names for task in tasks}
        return {key: one for key, one in found.items() if one}

    def simple(self, task: str, setting: str) -> tuple[str, Measured] | None:
        """The best simple baseline of a task, with its scores; None where there is none."""
        path = SIMPLE_BASELINES.format(task=task)
        if task not in self._study.simple or self._is_missing(path):
            return None
        name = best_simple(self._results, task)
        measured = self.of(name, task, setting)
        if measured is None:
            return None
        measured.cell = replace(measured.cell, sources=(path, *measured.cell.sources))
        return name, measured

    def _is_missing(self, path: str) -> bool:
        return self._partial and not (self._results / path).is_file()
