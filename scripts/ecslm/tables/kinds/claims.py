"""The claims table: one tuned model against the best published, simple and untuned rows, and a
paragraph in plain words, which says no more than the numbers support."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import fmean
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ecslm.common.text import number_of
from ecslm.comparisons.proportions import newcombe_interval
from ecslm.schemas.paths import COMPARISONS_PARQUET, SCORES_PARQUET
from ecslm.schemas.references import ContrastName, ModelName, SettingName, TaskName
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.kinds.comparisons import difference_cell, unmarked_notes
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Interval,
    Panel,
    Table,
    difference_text,
    percent_text,
    row_groups,
    score_text,
)
from ecslm.tables.notes import JOINT, SHOWN_DIGITS, STRICT, mark_notes
from ecslm.tables.scores import Measured
from ecslm.tidy.study import StudyContext

OURS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("records", "n", form="count"),
    HeaderCell("ours", "Ours"),
)
AGAINST_GENERAL = (
    HeaderCell("general row", "Best general LLM", form="text"),
    HeaderCell("general", "Score"),
    HeaderCell("difference", "Difference", "to published"),
    HeaderCell("interval", "Our interval", "is", form="text"),
)
AGAINST_UNTUNED = (
    HeaderCell("untuned", "Untuned", "free"),
    HeaderCell("invalid", "Untuned", "invalid, %"),
    HeaderCell("like", "Untuned", "any form"),
    HeaderCell("tuning", "Difference", "to untuned"),
)
AGAINST_SIMPLE = (
    HeaderCell("simple row", "Best simple", form="text"),
    HeaderCell("simple", "Score"),
)
BEATING = HeaderCell("beating", "Difference", "to simple")
# What is claimed of a task, by the keys of columns; what is not known is missing.
Claim = defaultdict[str, Cell]
# By task.
Claims = Mapping[str, Claim]


class ClaimsEntry(IntervalsEntry):
    """What can be said of one model: its scores beside the best of others, task by task."""

    READS: ClassVar = (SCORES_PARQUET, COMPARISONS_PARQUET)

    wide: bool = True
    """Whether it spans both columns of a two-column LaTeX document: it does not fit into one."""
    kind: Literal["claims"]
    settings: dict[SettingName, str] = Field(min_length=1)
    """Published table of each setting, for example `IND`."""
    tasks: tuple[TaskName, ...] = TASKS
    model: ModelName
    """The model that the claims are about: one, since to choose the best of several in each task
    would be to choose by the test records."""
    general: tuple[str, ...] = ()
    """Published general models; the table shows the best of them in each task."""
    margin: float = Field(gt=0, le=1)
    """How far below a published score still counts as close enough: a share of what that score
    gains over the best simple baseline."""
    untuned: ModelName | None = None
    """The same base, not tuned."""
    constrained: ModelName | None = None
    """The same as `untuned` with its answers limited to valid ones: what it knows apart from the
    form of its answers."""
    contrasts: tuple[ContrastName, ...] = ()
    """Contrasts that test the model against `constrained`, or `untuned` where that has no answers,
    and against the best simple baseline."""

    def published_rows(self) -> Iterable[tuple[str | None, str]]:
        """The general models in each table."""
        return product(self.settings.values(), self.general)

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and published numbers: panels for each setting, with
        a paragraph on its claims."""
        study = inputs.study
        found: list[tuple[str, Claims]] = []
        for setting in self.settings:
            made = {task: self._claim(inputs, task, setting) for task in self.tasks}
            if claims := {task: claim for task, claim in made.items() if claim}:
                found.append((study.setting_title(setting), claims))
        panels = [one for title, of in found for one in self._panels(study, title, of)]
        notes = (
            *self._notes(study),
            *unmarked_notes(
                (mark, task)
                for _, claims in found
                for task, one in claims.items()
                for mark in (*one["tuning"].marks, *one[BEATING.key].marks)
            ),
            *mark_notes(panels, self.intervals),
            study.data.note,
        )
        paragraphs = [self._sentences(title, claims) for title, claims in found]
        return self.table(name, panels, notes, paragraphs)

    def _compares(self, study: StudyContext) -> bool:
        """Whether published rows are compared with ours."""
        return study.data.comparable and bool(self.general)

    def _claim(self, inputs: Inputs, task: str, setting: str) -> Claim:
        """The claim of a task; empty where the model does not answer it."""
        scores, cells = inputs.scores, defaultdict[str, Cell](Cell)
        names = (self.model, self.untuned, self.constrained)
        measured, untuned, limited = (scores.of(name, task, setting) for name in names)
        if measured is None:
            return cells
        cells["metric"] = Cell.text(inputs.study.tasks[task].metric)
        cells["records"] = Cell.count(measured.records, measured.sources)
        cells["ours"] = measured.cell
        if untuned:
            cells["untuned"] = untuned.plain
            percent = partial(percent_text, decimals=0)
            cells["invalid"] = Cell.of(untuned.invalid, percent, untuned.sources)
            lenient = Cell.score(untuned.lenient, untuned.sources)
            cells["like"] = limited.plain if limited else lenient
            other = self.constrained if limited else self.untuned
            cells["tuning"] = self._difference(inputs, task, setting, other)
        baseline = None
        if simple := scores.simple(task, setting):
            baseline, cells["simple"] = simple[1].strict, simple[1].plain
            cells["simple row"] = Cell.text(simple[0], simple[1].sources)
            cells[BEATING.key] = self._difference(inputs, task, setting, simple[0])
        if self._compares(inputs.study):
            table = self.settings[setting]
            cells |= self._against_general(inputs, table, task, measured, baseline)
        return cells

    def _against_general(
        self, inputs: Inputs, table: str, task: str, measured: Measured, baseline: float | None
    ) -> dict[str, Cell]:
        """The best published row of a task, and how ours compares with it."""
        rows = {row: inputs.published.cell(table, row, task) for row in self.general}
        if (row := best(rows)) is None:
            return {}
        general, ours = rows[row], measured.cell
        cells = {"general row": Cell.text(row, general.sources), "general": general}
        if ours.number is None or general.number is None:
            return cells
        difference, rounding = ours.number - general.number, inputs.published.rounding(table, task)
        cells["difference"] = Cell.difference(difference, (*ours.sources, *general.sources))
        if ours.interval:
            n = measured.records if inputs.study.tasks[task].proportion else None
            interval = difference_interval(ours.number, ours.interval, general.number, n)
            cells["interval"] = _judgement(measured, interval.position(0.0, rounding))
            if baseline is not None:
                close = close_enough(interval, general.number, baseline, self.margin, rounding)
                cells["within"] = _judgement(measured, close)
        return cells

    def _difference(self, inputs: Inputs, task: str, setting: str, other: str | None) -> Cell:
        """The difference to another row, as the first contrast has it that compares them."""
        found = (
            difference_cell(row)
            for row in inputs.compared([task], *self.contrasts)
            if (row["a"], row["b"], row["setting"]) == (self.model, other, setting)
        )
        return next(found, Cell())

    def _panels(self, study: StudyContext, title: str, claims: Claims) -> Iterator[Panel]:
        """The model beside published rows, if it may be compared with them, and beside own rows."""

        def panel(panel_title: str, heads: Sequence[HeaderCell]) -> Panel:
            return Panel(panel_title, "Task", tuple(heads), row_groups(heads, {"": claims}), title)

        own = [*(AGAINST_UNTUNED if self.untuned else ()), *AGAINST_SIMPLE, BEATING]
        if self._compares(study):
            within = HeaderCell("within", "Within", f"{100 * self.margin:g} % of gain", form="text")
            yield panel(f"{title}: published rows", [*OURS, *AGAINST_GENERAL, within])
            yield panel(f"{title}: rows of this study", own)
        else:
            yield panel(title, [*OURS, *own])

    def _notes(self, study: StudyContext) -> Iterator[str]:
        """What the columns mean."""
        seeds = len(study.models[self.model].seeds)
        yield f"Ours: {self.model}" + (f", mean over {seeds} seeds. {JOINT}" if seeds > 1 else ".")
        yield STRICT
        if self._compares(study):
            yield (
                f"Best general LLM: the best of {', '.join(self.general)}, as published. A share "
                "of right answers (accuracy, HR@1) is binomial: both intervals are combined "
                "(Newcombe). Other values are taken as exact up to rounding. Within: whether ours "
                f"is better, or worse by at most {100 * self.margin:g} % of what the published "
                "score gains over the best simple baseline: yes for the whole interval of the "
                "difference, no for none of it, otherwise unclear. Above, contains, below: where "
                "our 95 % interval lies from the published score."
            )
        elif self.general:
            yield "Published values were measured on other data: they are not compared with ours."
        if self.untuned is not None:
            lenient = "that by a parser that looks for the answer anywhere in its text"
            limited = f"the score of {self.constrained}, whose answers are limited to valid ones"
            like = f"{limited}, or else {lenient}" if self.constrained else lenient
            yield (
                f"Untuned: {self.untuned}; free: its strict score; invalid: the share of its "
                f"answers that cannot be parsed; any form: {like}. Difference to untuned: to "
                f"{self.constrained or self.untuned}{', or else to free' * bool(self.constrained)}."
            )
        yield "Best simple: the best trivial or learned baseline, chosen without test records."

    def _sentences(self, setting: str, claims: Claims) -> str:
        """What the claims of a setting say in words."""
        general = f"{self.model} scores higher than the best published general LLM"
        found = [
            *_told(claims, "difference", _as_shown, {1: general, 0: "as high", -1: "lower"}),
            *self._tests("the best simple baseline", BEATING.key, claims),
            *(self._against_untuned(self.untuned, claims) if self.untuned else ()),
        ]
        said = " ".join(found) or f"There is nothing to compare {self.model} with."
        return f"{setting[:1].upper()}{setting[1:]}: {said}"

    def _against_untuned(self, untuned: str, claims: Claims) -> Iterator[str]:
        """Against limited answers where there are any, and how much of what tuning gains is the
        form of the answers."""
        limited = f"{self.constrained}, not tuned but limited to valid answers where it can be,"
        other = limited if self.constrained else f"{untuned}, not tuned,"
        yield from self._tests(other, "tuning", claims)
        keys = ("untuned", "invalid", "like", "ours")
        found = [[one[key].number for key in keys] for one in claims.values()]
        if known := [[one for one in row if one is not None] for row in found if None not in row]:
            score, invalid, like, tuned = map(fmean, zip(*known, strict=True))
            gain, form = difference_text(tuned - score), difference_text(like - score)
            gained = f": of the gain of {gain}, {form} is form" if score < min(like, tuned) else ""
            yield (
                f"On average over {number_of(len(known), 'task')}, {untuned}, with "
                f"{percent_text(invalid, 0)} % of its answers invalid, scores {score_text(score)}, "
                f"{score_text(like)} if the form of its answers does not count, and {self.model} "
                f"{score_text(tuned)}{gained}."
            )

    def _tests(self, other: str, key: str, claims: Claims) -> Iterator[str]:
        """A sentence on the tests of differences, if there are any."""
        better = f"{self.model} is better than {other}"
        words = {1: better, -1: "worse", 0: "not decided by paired tests"}
        return _told(claims, key, tested, words)


def difference_interval(value: float, own: Interval, published: float, n: int | None) -> Interval:
    """The interval of a score minus a published one.

    Args:
        n: records of a published proportion, which is binomial and has as many as ours, since these
            are the same; None if the value is taken as exact.
    """
    other = (published, published) if n is None else wilson_interval(published * n, n, CONFIDENCE)
    return Interval(*newcombe_interval((value, published), ((own.low, own.high), other)))


def close_enough(
    interval: Interval, published: float, baseline: float, margin: float, rounding: float
) -> str:
    """Whether a difference to a published score is not too far below 0: yes, no or unclear.

    Args:
        interval: that of the difference.
        baseline: the best simple baseline.
        margin: a share of what the published score gains over the baseline, if anything. Source:
            Non-inferiority clinical trials, FDA, 2016 (a margin that preserves most of the effect).
        rounding: how much the published score may be off.
    """
    least = -margin * max(0.0, published - baseline) - rounding
    return "yes" if interval.low >= least else "no" if interval.high < least else "unclear"


def best(cells: Mapping[str, Cell]) -> str | None:
    """The row with the largest value, of equal ones the first; values on another scale, which are
    marked `doubled`, do not count."""
    known = {
        name: cell.number
        for name, cell in cells.items()
        if cell.number is not None and "doubled" not in cell.marks
    }
    return max(known, key=known.__getitem__, default=None)


def tested(cell: Cell) -> int | None:
    """1 if a difference is significantly better, -1 if worse, 0 if neither; None if it was not
    tested."""
    if (value := cell.number) is None:
        return None
    return int(np.sign(value)) if "significant" in cell.marks else 0


def _judgement(measured: Measured, judgement: str) -> Cell:
    """By the interval, with a star where that may be too narrow."""
    interval = measured.cell.interval
    star = "" if interval and interval.reliable else "*"
    return Cell(judgement, f"{judgement}{star}", sources=measured.cell.sources)


def _as_shown(difference: Cell) -> int | None:
    value = difference.number
    return None if value is None else int(np.sign(round(value, SHOWN_DIGITS)))


def _told(
    claims: Claims, key: str, of: Callable[[Cell], int | None], words: Mapping[int, str]
) -> Iterator[str]:
    """A sentence that counts the tasks in which a difference is each of some things, if in any.

    Args:
        of: what a difference is: a key of the words, or None.
    """
    found = {task: of(one[key]) for task, one in claims.items()}
    if count := sum(outcome is not None for outcome in found.values()):
        told = []
        for outcome, what in words.items():
            tasks = [task for task, one in found.items() if one == outcome]
            told.append(f"{what} in {len(tasks)} ({', '.join(tasks)})" if tasks else f"{what} in 0")
        yield f"Of {number_of(count, 'task')}: {', '.join(told)}."
