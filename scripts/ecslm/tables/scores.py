"""Scores as tables need them: metrics files of one row and task, summarised over seeds.

With several seeds the value is the mean over seeds, with its standard deviation over seeds, and the
interval is that of the mean, from the file of the score over seeds.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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

# Printed above the lines that name constants.
CONSTANT = "One and the same answer to nearly all records:"
# Characters of an answer that a note quotes.
MOST_OF_ANSWER = 30


@dataclass(frozen=True)
class Measured:
    """The scores of a row in one task and setting, one for each seed."""

    seeds: tuple[SettingScores, ...]
    sources: tuple[str, ...]
    over_seeds: OverSeedsScore | None = None

    @property
    def records(self) -> int:
        """The test records, the same for each seed."""
        return self.seeds[0].n

    def value(self, protocol: Protocol) -> float | None:
        """The mean over seeds, None if it is not defined for every seed."""
        return _mean(getattr(scores, protocol) for scores in self.seeds)

    def lenient(self) -> float | None:
        """The strict metric with the forgiving parser, mean over seeds."""
        return _mean(scores.strict.details.lenient for scores in self.seeds)

    def interval(self) -> Interval | None:
        """The 95 % interval of the strict value, if it has one."""
        strict = self.seeds[0].strict if len(self.seeds) == 1 else self.over_seeds
        if strict is None or strict.ci95 is None or self.value("strict") is None:
            return None
        low, high = strict.ci95
        found = strict.details.interval
        return Interval(low=low, high=high, reliable=found is not None and found.reliable)

    def mcc(self) -> float | None:
        """Matthews' correlation, mean over seeds; None but for yes or no."""
        return _of_all([scores.strict.details.mcc for scores in self.seeds], statistics.fmean)

    def sd(self) -> float | None:
        """The standard deviation of the strict value over seeds, None for one seed."""
        if len(self.seeds) < 2 or self.value("strict") is None:
            return None
        return statistics.stdev(scores.strict.value for scores in self.seeds)

    def invalid_share(self) -> float | None:
        """Share of answers that cannot be parsed, over all seeds."""
        return self._share(scores.n_invalid for scores in self.seeds)

    def truncated_share(self) -> float | None:
        """Share of answers cut off by the token limit, over all seeds; None if unknown."""
        return self._share(scores.n_truncated for scores in self.seeds)

    def most_frequent_share(self) -> float | None:
        """Share of the most frequent answer of each seed, over all seeds; None if unknown."""
        return self._share(None if one.answers is None else one.answers.count for one in self.seeds)

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

    def _share(self, counts: Iterable[int | None]) -> float | None:
        total = sum(scores.n for scores in self.seeds)
        return _of_all(list(counts), lambda known: sum(known) / total) if total else None


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


def metric_files(context: TableContext, with_intervals: bool = False) -> list[str]:
    """The scores of a table's models and baselines, and those of which one is the best simple
    baseline, relative to the study's results directory.

    With intervals, models with several seeds have an additional file: the interval of the mean.
    """
    paths = []
    for name, model in context.models.items():
        for task in model.tasks:
            paths += [metric_path(name, seed, task) for seed in model.seeds]
            if with_intervals and len(model.seeds) > 1:
                paths.append(over_seeds_path(name, task))
    for name, tasks in context.baselines.items():
        paths += [metric_path(name, 0, task) for task in tasks]
    for task, names in context.simple.items():
        paths += simple_files(task, names)
    return list(dict.fromkeys(paths))


class Scores:
    """Reads the metrics files of a table's models and baselines, each once.

    With intervals, the scores over seeds are read too. In a `partial` study files may be missing.
    """

    def __init__(
        self,
        results: Path,
        context: TableContext,
        with_intervals: bool = False,
        partial: bool = False,
    ) -> None:
        self._results = results
        self._context = context
        self._with_intervals = with_intervals
        self._partial = partial
        self._read: dict[str, MetricsFile] = {}

    def model(self, name: str, task: str, setting: str) -> Measured | None:
        """A model's scores; None where the study has none of that task and setting."""
        context = self._context.models[name]
        if task not in context.tasks:
            return None
        return self._measured(name, context.seeds, task, context.setting(setting))

    def baseline(self, name: str, task: str, setting: str) -> Measured | None:
        """A trivial baseline's scores; None where it is not defined for that task."""
        if task not in self._context.baselines[name]:
            return None
        return self._measured(name, (0,), task, setting)

    def simple(self, task: str, setting: str) -> tuple[str, Measured] | None:
        """The best simple baseline of a task, with its scores; None where there is none."""
        path = SIMPLE_BASELINES.format(task=task)
        if task not in self._context.simple or self._is_missing(path):
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
        files = [self._file(path).settings for path in paths]
        if not all(setting in scores for scores in files):
            return None
        measured = tuple(scores[setting] for scores in files)
        if len(seeds) == 1 or not self._with_intervals:
            return Measured(measured, paths)
        over_seeds = over_seeds_path(name, task)
        found = read_result(self._results / over_seeds, OverSeedsFile).settings.get(setting)
        strict = None if found is None else found.strict
        return Measured(measured, (over_seeds, *paths), strict)

    def _file(self, path: str) -> MetricsFile:
        if path not in self._read:
            self._read[path] = read_result(self._results / path, MetricsFile)
        return self._read[path]


def counted(records: Mapping[str, int]) -> tuple[int | None, tuple[tuple[str, int], ...]]:
    """The test records of a column, and the rows that have fewer: both as its head has them.

    Args:
        records: those of each row that was measured.
    """
    most = max(records.values(), default=None)
    return most, tuple((row, count) for row, count in records.items() if count != most)


def strict_cell(measured: Measured | None, with_interval: bool = True) -> Cell:
    """The headline cell of a row of the study: strict value, interval, spread over seeds."""
    if measured is None:
        return Cell()
    cell = number_cell(measured.value("strict"), score_text, measured.sources)
    if cell.value is None:
        return cell
    interval = measured.interval() if with_interval else None
    return replace(cell, interval=interval, sd=measured.sd(), mcc=measured.mcc())


def _mean(values: Iterable[Value | None]) -> float | None:
    known = [None if value is None else value.known for value in values]
    return _of_all(known, statistics.fmean)


def _of_all(
    values: Sequence[float | None], of_known: Callable[[list[float]], float]
) -> float | None:
    """A number of several ones, None if one of them is missing."""
    known = [value for value in values if value is not None]
    return of_known(known) if len(known) == len(values) else None
