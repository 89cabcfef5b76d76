"""Scores as tables need them: tidy rows of one model and task, summarised over seeds.

With several seeds the value is the mean over seeds, with its standard deviation over seeds, and the
interval is that of the mean.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.tidy_rows import TidyRow
from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.schemas.paths import SCORES_PARQUET, SIMPLE_BASELINES
from ecslm.tables.model import Cell, Interval, percent_text
from ecslm.tidy.scores import DOUBLED, PUBLISHED
from ecslm.tidy.study import StudyContext

# Characters of an answer that a note quotes.
MOST_OF_ANSWER = 30
# The rows of one score, by their protocols.
ByProtocol = dict[str, TidyRow]


class Measured:
    """The scores of a row in one task and setting; what is not known of every seed is None.

    Attributes:
        records: test records, the same for each seed.
        seeds: how many there are.
        sources: the files that the scores of seeds came from.
        strict, released, released_2024: means over seeds.
        lenient: the strict metric with the forgiving parser.
        invalid, truncated: shares of answers that cannot be parsed, or were cut off.
        most_frequent: share of the most frequent answer of each seed.
        distinct: how many different answers a seed gave at most.
        constant: the answer that every seed gives nearly always, in words.
        details: the metric's own fields, of the first seed.
        cell: the headline cell: strict value, interval, standard deviation over seeds.
    """

    def __init__(self, scores: Sequence[ByProtocol], mean: ByProtocol) -> None:
        """
        Args:
            scores: those of each seed.
            mean: those of the mean over seeds, or of the only seed.
        """
        strict = [one["strict"] for one in scores]
        self.records, self.seeds = strict[0]["n"], len(scores)
        self.sources = tuple(one["source"] for one in strict)

        def value(protocol: str) -> float | None:
            return mean.get(protocol, {}).get("value")

        self.strict, self.lenient = value("strict"), value("lenient")
        self.released, self.released_2024 = value("released"), value("released_2024")
        self.invalid, self.truncated, self.most_frequent = (
            _mean(None if (count := one[name]) is None else count / self.records for one in strict)
            for name in ("invalid", "truncated", "most_frequent_count")
        )
        self.distinct = max((one["distinct"] for one in strict if one["distinct"]), default=None)
        self.constant: str | None = None
        least = CONSTANT_SHARE * self.records
        if all((one["most_frequent_count"] or 0) >= least for one in strict):
            # In ASCII, since LaTeX cannot print every character that a model may answer.
            quoted = (ascii(one["most_frequent"])[:MOST_OF_ANSWER] for one in strict)
            words, share = " or ".join(dict.fromkeys(quoted)), self.most_frequent or 0.0
            rest = f"{words} in {percent_text(share)} %"
            self.constant = f"always {words}" if share == 1 else rest
        self.details: Mapping[str, Any] = json.loads(strict[0]["details"])
        head, interval = mean["strict"], None
        self.cell = Cell.score(self.strict, tuple(dict.fromkeys([head["source"], *self.sources])))
        if head["low"] is not None:
            interval = Interval(head["low"], head["high"], head["interval_reliable"] or False)
        if self.strict is not None:
            self.cell = replace(self.cell, sd=head["sd"], mcc=head["mcc"], interval=interval)

    @property
    def plain(self) -> Cell:
        """The headline cell without its interval."""
        return replace(self.cell, interval=None)


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean; None if one of the values is not known."""
    found = list(values)
    known = [one for one in found if one is not None]
    return fmean(known) if known and len(known) == len(found) else None


# By row and task.
Scored = Mapping[tuple[str, str], Measured]


class Scores:
    """The scores of a study's models and baselines."""

    def __init__(self, rows: Iterable[TidyRow], study: StudyContext) -> None:
        self._study, self._simple = study, dict[str, str]()
        # By model, task and setting, then by seed, or by None for the mean over seeds.
        self._found: dict[tuple[str, str, str], dict[int | None, ByProtocol]] = {}
        for row in rows:
            if row["kind"] != PUBLISHED:
                of = self._found.setdefault((row["model"], row["task"], row["setting"]), {})
                of.setdefault(row["seed"], {})[row["protocol"]] = row
                if row["best_simple"]:
                    self._simple[row["task"]] = row["model"]

    def of(self, name: str | None, task: str, setting: str) -> Measured | None:
        """The scores of a model, in the setting of its number of examples, or of a trivial
        baseline; None where there are none of all its seeds, or a mean over other ones."""
        model = self._study.models.get(name or "")
        asked = model.setting(setting) if model else setting
        if (found := self._found.get((name or "", task, asked))) is None:
            return None
        seeds = model.seeds if model else (0,)
        if {*seeds} != (found.keys() - {None} if len(seeds) > 1 else found.keys() & {*seeds}):
            return None
        mean = found[None if len(seeds) > 1 else seeds[0]]
        return Measured([found[seed] for seed in seeds], mean)

    def of_all(self, names: Iterable[str], tasks: Collection[str], setting: str) -> Scored:
        """The scores of rows in some tasks, as far as there are any, row by row."""
        found = {(name, task): self.of(name, task, setting) for name in names for task in tasks}
        return {key: one for key, one in found.items() if one}

    def simple(self, task: str, setting: str) -> tuple[str, Measured] | None:
        """The best simple baseline of a task, trivial or learned, by what name models are judged,
        with its scores; None where there is none. It was chosen without test records."""
        if (measured := self.of(name := self._simple.get(task, ""), task, setting)) is None:
            return None
        sources = (SIMPLE_BASELINES.format(task=task), *measured.cell.sources)
        measured.cell = replace(measured.cell, sources=sources)
        return name, measured


class Published:
    """The published results, by table, row and task. An empty field was not reported.

    Attributes:
        path: where they are from.
    """

    def __init__(self, rows: Iterable[TidyRow], path: str = SCORES_PARQUET) -> None:
        self.path = path
        self._rows: dict[tuple[str | None, str], dict[str, Cell]] = {}
        for row in rows:
            marks = ("doubled",) * (row["protocol"] == DOUBLED)
            cell = Cell(row["value"], row["printed"], marks=marks, sources=(row["source"],))
            of = self._rows.setdefault((row["setting"], row["model"]), {})
            of[row["task"]] = Cell() if row["value"] is None else cell

    def has(self, table: str | None, model: str) -> bool:
        """Whether the row was published."""
        return (table, model) in self._rows

    def rounding(self, table: str, task: str) -> float:
        """How much the values of a column may be off, since they were rounded: half of the last
        digit that any of them has, as others may have lost zeros at their end."""
        printed = (
            row.get(task, Cell()).shown for (of, _), row in self._rows.items() if of == table
        )
        return 0.5 * 10.0 ** -max((len(one.partition(".")[2]) for one in printed), default=0)

    def cell(self, table: str | None, model: str, task: str) -> Cell:
        """The published value, with the digits as printed.

        Raises:
            InputError: no such row.
        """
        if not self.has(table, model):
            raise InputError(f"{self.path}: has no row {model} in table {table}")
        return self._rows[table, model].get(task, Cell())
