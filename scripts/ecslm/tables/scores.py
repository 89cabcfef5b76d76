"""Scores as tables need them: metrics files of one row and task, summarised over seeds.

With several seeds the value is the mean over seeds, with its standard deviation over seeds, and the
interval is that of the mean, from the file of the score over seeds.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from ecslm.common.manifests import read_result
from ecslm.schemas.metrics_file import (
    MetricsFile,
    OverSeedsFile,
    OverSeedsScore,
    Protocol,
    SettingScores,
    SimpleBaselines,
    Value,
)
from ecslm.schemas.paths import SIMPLE_BASELINES, metric_path, over_seeds_path
from ecslm.tables.model import Cell, Interval, number_cell, percent_text, score_text
from ecslm.tables.settings import TableContext

Number = TypeVar("Number", int, float)
# Characters of an answer that a note quotes.
MOST_OF_ANSWER = 30


@dataclass(frozen=True)
class Measured:
    """The scores of a row in one task and setting, one for each seed.

    Attributes:
        sources: the files of the seeds.
        over_seeds: the file of the score over seeds and what it says of this setting, if there are
            several seeds.
    """

    seeds: tuple[SettingScores, ...]
    sources: tuple[str, ...]
    over_seeds: tuple[str, OverSeedsScore] | None = None

    @property
    def records(self) -> int:
        """The test records, the same for each seed."""
        return self.seeds[0].n

    def value(self, protocol: Protocol) -> float | None:
        """The mean over seeds, None if it is not defined for every seed."""
        return self._mean(lambda one: _known(getattr(one, protocol)))

    def lenient(self) -> float | None:
        """The strict metric with the forgiving parser, mean over seeds."""
        return self._mean(lambda one: _known(one.strict.details.lenient))

    def mcc(self) -> float | None:
        """Matthews' correlation, mean over seeds; None but for yes or no."""
        return self._mean(lambda one: one.strict.details.mcc)

    def sd(self) -> float | None:
        """The standard deviation of the strict value over seeds, None for one seed."""
        if len(self.seeds) < 2 or self.value("strict") is None:
            return None
        return statistics.stdev(scores.strict.value for scores in self.seeds)

    def interval(self) -> Interval | None:
        """The 95 % interval of the strict value, if it has one."""
        over_seeds = self.over_seeds[1] if self.over_seeds else None
        strict = over_seeds if len(self.seeds) > 1 else self.seeds[0].strict
        if strict is None or strict.ci95 is None or self.value("strict") is None:
            return None
        found = strict.details.interval
        return Interval(*strict.ci95, reliable=found is not None and found.reliable)

    def cell(self, with_interval: bool = True) -> Cell:
        """The headline cell: strict value, interval, spread over seeds."""
        of_interval = self.over_seeds[:1] if self.over_seeds and with_interval else ()
        cell = number_cell(self.value("strict"), score_text, (*of_interval, *self.sources))
        if cell.value is None:
            return cell
        interval = self.interval() if with_interval else None
        return replace(cell, interval=interval, sd=self.sd(), mcc=self.mcc())

    def invalid_share(self) -> float | None:
        """Share of answers that cannot be parsed, over all seeds."""
        return self._share(lambda one: one.n_invalid)

    def truncated_share(self) -> float | None:
        """Share of answers cut off by the token limit, over all seeds; None if unknown."""
        return self._share(lambda one: one.n_truncated)

    def most_frequent_share(self) -> float | None:
        """Share of the most frequent answer of each seed, over all seeds; None if unknown."""
        return self._share(lambda one: one.answers.count if one.answers else None)

    def distinct_answers(self) -> int | None:
        """How many different answers a seed gave at most; None if unknown."""
        return max((one.answers.distinct for one in self.seeds if one.answers), default=None)

    def constant(self) -> str | None:
        """The answer that every seed gives nearly always, in words; None if there is none."""
        share = self.most_frequent_share()
        if share is None or not all(scores.is_constant for scores in self.seeds):
            return None
        answers = (one.answers.most_frequent for one in self.seeds if one.answers)
        # In ASCII, since LaTeX cannot print every character that a model may answer.
        named = " or ".join(dict.fromkeys(ascii(answer)[:MOST_OF_ANSWER] for answer in answers))
        return f"always {named}" if share == 1 else f"{named} in {percent_text(share)} %"

    def _share(self, count: Callable[[SettingScores], int | None]) -> float | None:
        """A count of all seeds in relation to all records, None if it is not known of every seed,
        or if there are no records."""
        counts = self._of_all(count)
        total = sum(scores.n for scores in self.seeds)
        return sum(counts) / total if counts and total else None

    def _mean(self, value: Callable[[SettingScores], float | None]) -> float | None:
        """The mean over seeds, None if it is not known of every seed."""
        values = self._of_all(value)
        return statistics.fmean(values) if values else None

    def _of_all(self, value: Callable[[SettingScores], Number | None]) -> list[Number]:
        """A number of every seed; none if it is not known of one of them."""
        known = [one for one in map(value, self.seeds) if one is not None]
        return known if len(known) == len(self.seeds) else []


def _known(value: Value | None) -> float | None:
    return None if value is None else value.known


def headline(measured: Measured | None, with_interval: bool = True) -> Cell:
    """The headline cell of what may not have been measured."""
    return measured.cell(with_interval) if measured else Cell()


def best_simple(results: Path, task: str) -> str:
    """The row of the best simple baseline of a task, trivial or learned, by what name models are
    judged. It was chosen without test records; its only seed is 0.

    Raises:
        InputError: the choice is missing or was altered.
    """
    return read_result(results / SIMPLE_BASELINES.format(task=task), SimpleBaselines).best


def simple_files(task: str, names: Iterable[str]) -> list[str]:
    """The choice, and the scores of all that may be chosen, relative to the results directory."""
    return [SIMPLE_BASELINES.format(task=task), *(metric_path(name, 0, task) for name in names)]


def score_files(study: TableContext) -> Iterator[str]:
    """The files of `measured_files`, and the choice of the best simple baselines."""
    yield from measured_files(study)
    for task, names in sorted(study.simple.items()):
        yield from simple_files(task, names)


def measured_files(study: TableContext) -> Iterator[str]:
    """The scores of all models and baselines, and those over seeds, relative to the study's results
    directory."""
    for name, model in sorted(study.models.items()):
        for task in model.tasks:
            yield from (metric_path(name, seed, task) for seed in model.seeds)
            if len(model.seeds) > 1:
                yield over_seeds_path(name, task)
    for name, tasks in sorted(study.baselines.items()):
        yield from (metric_path(name, 0, task) for task in tasks)


class Scores:
    """The scores of a study's models and baselines. In a `partial` study files may be missing."""

    def __init__(self, results: Path, study: TableContext, partial: bool = False) -> None:
        self._results, self._study, self._partial = results, study, partial
        self._metrics = cache(lambda path: read_result(results / path, MetricsFile).settings)

    def of(self, name: str | None, task: str, setting: str) -> Measured | None:
        """The scores of a model or trivial baseline; None where there are none of that task and
        setting."""
        study = self._study
        if name in study.models:
            return self.model(name, task, setting)
        if task not in study.baselines.get(name or "", ()):
            return None
        return self._measured(str(name), (0,), task, setting)

    def model(self, name: str, task: str, setting: str) -> Measured | None:
        """A model's scores, in the setting of its number of examples."""
        model = self._study.models[name]
        if task not in model.tasks:
            return None
        return self._measured(name, model.seeds, task, model.setting(setting))

    def simple(self, task: str, setting: str) -> tuple[str, Measured] | None:
        """The best simple baseline of a task, with its scores; None where there is none."""
        path = SIMPLE_BASELINES.format(task=task)
        if task not in self._study.simple or self._is_missing(path):
            return None
        name = best_simple(self._results, task)
        measured = self._measured(name, (0,), task, setting)
        if measured is None:
            return None
        return name, replace(measured, sources=(path, *measured.sources))

    def _is_missing(self, path: str) -> bool:
        return self._partial and not (self._results / path).is_file()

    def _measured(
        self, name: str, seeds: tuple[int, ...], task: str, setting: str
    ) -> Measured | None:
        paths = tuple(metric_path(name, seed, task) for seed in seeds)
        if any(map(self._is_missing, paths)):
            return None
        found = [self._metrics(path) for path in paths]
        if not all(setting in scores for scores in found):
            return None
        measured = Measured(tuple(scores[setting] for scores in found), paths)
        path = over_seeds_path(name, task)
        if len(seeds) == 1 or self._is_missing(path):
            return measured
        over_seeds = read_result(self._results / path, OverSeedsFile).settings
        if setting not in over_seeds:
            return measured
        return replace(measured, over_seeds=(path, over_seeds[setting].strict))
