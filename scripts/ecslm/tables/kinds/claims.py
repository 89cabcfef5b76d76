"""The claims table: one tuned model against the best published, simple and untuned rows, and a
paragraph in plain words, which says no more than the numbers support."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar, Literal

from pydantic import Field

from ecslm.comparisons.proportions import newcombe_interval
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.kinds.comparisons import difference_cell, unmarked_notes
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Interval,
    Panel,
    Table,
    best,
    difference_text,
    percent_text,
    row_groups,
    score_text,
)
from ecslm.tables.notes import JOINT, LEVEL, STRICT, mark_notes
from ecslm.tables.references import ContrastName, ModelName, SettingName, TaskName
from ecslm.tables.settings import TableContext

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
)
TUNING = HeaderCell("tuning", "Difference", "to untuned")
AGAINST_SIMPLE = (
    HeaderCell("simple row", "Best simple", form="text"),
    HeaderCell("simple", "Score"),
)
BEATING = HeaderCell("beating", "Difference", "to simple")
INTERVAL_OF_SIMPLE = HeaderCell("interval of simple", "Our interval", "is", form="text")
# Said of the first tests alone.
TESTS = f", by paired tests (p adjusted by Holm's method below {LEVEL})"

# What is claimed of a task, by the keys of columns, those that there are. Besides, `outcome` is 1
# if the score is higher than the published one, -1 if it is lower, 0 if it is the same as printed;
# `limited` is the score of limited answers, where these stand for the untuned model in any form.
Claim = Mapping[str, Cell]
# By task.
Claims = Mapping[str, Claim]


class ClaimsEntry(IntervalsEntry):
    """What can be said of one model: its scores beside the best of others, task by task."""

    READS: ClassVar = ("scores", "comparisons")
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES}

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

    def problems(self, inputs: Inputs) -> list[str]:
        """Names of published rows that do not exist."""
        return [
            f"general: {row} is not in table {table} of {inputs.published.path}"
            for table in dict.fromkeys(self.settings.values())
            for row in self.general
            if not inputs.published.has(table, row)
        ]

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and published numbers: panels for each setting, with
        a paragraph on its claims."""
        study = inputs.study
        made = [(study.setting_title(one), self._claims(inputs, one)) for one in self.settings]
        found = [(title, claims) for title, claims in made if claims]
        panels = [one for title, of in found for one in self._panels(study, title, of)]
        notes = (
            *self._notes(study, [claim for _, of in found for claim in of.items()]),
            *mark_notes(panels, self.intervals),
            study.data.note,
        )
        paragraphs = [" ".join(self._sentences(title, of)) for title, of in found]
        if self.general and not study.data.comparable:
            paragraphs.insert(
                0,
                f"The published models answered other records than these ({study.data.source}), so "
                f"their scores cannot be compared: {self.model} is compared only with rows of this "
                "study.",
            )
        return self.table(name, panels, notes, paragraphs)

    def _compares(self, study: TableContext) -> bool:
        """Whether published rows are compared with ours."""
        return study.data.comparable and bool(self.general)

    def _claims(self, inputs: Inputs, setting: str) -> Claims:
        """The claims of the tasks that the model answers in a setting."""
        made = {task: self._claim(inputs, task, setting) for task in self.tasks}
        return {task: claim for task, claim in made.items() if claim}

    def _claim(self, inputs: Inputs, task: str, setting: str) -> Claim:
        """The claim of a task; empty where the model does not answer it."""
        study, scores, table = inputs.study, inputs.scores, self.settings[setting]
        names = (self.model, self.untuned, self.constrained)
        measured, untuned, limited = (scores.of(name, task, setting) for name in names)
        if measured is None:
            return {}
        ours, own = measured.cell, measured.cell.interval
        cells = {
            "metric": Cell.text(study.tasks[task].metric),
            "records": Cell.count(measured.records, ours.sources),
            "ours": ours,
        }
        if untuned:
            share, sources = untuned.invalid, untuned.sources
            cells["untuned"] = untuned.plain
            cells["invalid"] = Cell.of(share, lambda of: percent_text(of, 0), sources)
            cells["like"] = Cell.score(untuned.lenient, sources)
        if limited:
            cells["like"] = cells["limited"] = limited.plain
        without = self.constrained if limited else self.untuned
        cells["tuning"] = self._difference(inputs, task, setting, without)
        others: dict[str, dict[str, Cell]] = {}
        if self._compares(study):
            others["general"] = {
                row: inputs.published.cell(table, row, task) for row in self.general
            }
        if simple := scores.simple(task, setting):
            others["simple"] = {simple[0]: simple[1].plain}
            cells["beating"] = self._difference(inputs, task, setting, simple[0])
        for key, rows in others.items():
            if (row := best(rows)) is not None:
                cells |= {f"{key} row": Cell.text(row, rows[row].sources), key: rows[row]}

        def judge(key: str, judgement: str) -> None:
            """By the interval, with a star where that may be too narrow."""
            star = "" if own and own.reliable else "*"
            cells[key] = Cell(judgement, f"{judgement}{star}", sources=ours.sources)

        general, baseline = cells.get("general", Cell()), cells.get("simple", Cell()).number
        sources = (*ours.sources, *general.sources)
        cells["difference"] = Cell(sources=sources)
        if ours.number is not None and (published := general.number) is not None:
            difference, rounding = ours.number - published, inputs.published.rounding(table, task)
            cells["difference"] = Cell.difference(difference, sources)
            cells["outcome"] = Cell(0 if abs(difference) <= rounding else sign(difference))
            if own:
                n = measured.records if study.tasks[task].proportion else None
                interval = difference_interval(ours.number, own, published, n)
                judge("interval", interval.position(0.0, rounding))
                if baseline is not None:
                    margins = published, baseline, self.margin, rounding
                    judge("within", close_enough(interval, *margins))
        if own and baseline is not None:
            judge("interval of simple", own.position(baseline))
        return cells

    def _difference(self, inputs: Inputs, task: str, setting: str, other: str | None) -> Cell:
        """The difference to another row, as the first contrast has it that compares them."""
        found = (
            difference_cell(task, row)
            for _, row in inputs.compared([task], *self.contrasts)
            if (row.a, row.b, row.setting) == (self.model, other, setting)
        )
        return next(found, Cell())

    def _panels(self, study: TableContext, title: str, claims: Claims) -> Iterator[Panel]:
        """The model beside published rows, if it may be compared with them, and beside own rows."""

        def panel(panel_title: str, heads: Sequence[HeaderCell]) -> Panel:
            return Panel(panel_title, "Task", tuple(heads), row_groups(heads, {"": claims}), title)

        heads, own, made = list(OURS), title, list(claims.values())
        if self._compares(study):
            within = HeaderCell("within", "Within", f"{100 * self.margin:g} % of gain", form="text")
            yield panel(f"{title}: published rows", [*heads, *AGAINST_GENERAL, within])
            heads, own = [], f"{title}: rows of this study"
        if self.untuned is not None:
            heads += [*AGAINST_UNTUNED, *([TUNING] if _tested(made, "tuning") else [])]
        if any("simple" in one for one in made):
            beating = BEATING if _tested(made, "beating") else INTERVAL_OF_SIMPLE
            heads += [*AGAINST_SIMPLE, beating]
        if heads:
            yield panel(own, heads)

    def _notes(self, study: TableContext, claims: Sequence[tuple[str, Claim]]) -> Iterator[str]:
        """What the columns mean.

        Args:
            claims: those of all settings, each with its task.
        """
        seeds, made = len(study.models[self.model].seeds), [claim for _, claim in claims]
        yield f"Ours: {self.model}" + (f", mean over {seeds} seeds." if seeds > 1 else ".")
        yield STRICT
        if self._compares(study):
            yield (
                f"Best general LLM: the best of {', '.join(self.general)}, as published. A share "
                "of right answers (accuracy, HR@1) is binomial: both intervals are combined "
                "(Newcombe). Other values are taken as exact up to rounding, since their "
                "uncertainty is not known."
            )
            yield (
                f"Within: whether ours is better, or worse by at most {100 * self.margin:g} % of "
                "what the published score gains over the best simple baseline (by nothing if it "
                "gains nothing): yes for the whole interval of the difference, no for none of it, "
                "otherwise unclear."
            )
        elif self.general:
            yield "Published values were measured on other data: they are not compared with ours."
        if self.untuned is not None:
            free = ", ".join(dict.fromkeys(task for task, one in claims if "limited" not in one))
            limited = f"{self.constrained}, whose answers are limited to valid ones"
            lenient = f"{self.untuned} by a parser that looks for the answer anywhere in its text"
            if self.constrained is not None:
                lenient = f"{limited}; {free}: {lenient}" if free else limited
            yield (
                f"Untuned: {self.untuned}; free: its strict score; invalid: the share of its "
                f"answers that cannot be parsed; any form: {lenient}."
            )
            if _tested(made, "tuning"):
                rest = f"; {free}: to {self.untuned}" if self.constrained and free else ""
                yield f"Difference to untuned: to {self.constrained or self.untuned}{rest}."
        if any("simple" in one for one in made):
            yield "Best simple: the best trivial or learned baseline, chosen without test records."
        if self._compares(study) or not _tested(made, "beating"):
            yield (
                "Above, contains, below: whether our 95 % interval lies above the other score, "
                "contains it or lies below it."
            )
        yield from unmarked_notes(
            (mark, task)
            for task, one in claims
            for key in ("tuning", "beating")
            for mark in one.get(key, Cell()).marks
        )
        if seeds > 1:
            yield JOINT

    def _sentences(self, setting: str, claims: Claims) -> Iterator[str]:
        """What the claims of a setting say in words."""
        where = f"{setting[:1].upper()}{setting[1:]}:"
        sentences = [*self._against_published(claims), *self._against_simple(claims)]
        if self.untuned:
            sentences += self._against_untuned(self.untuned, claims)
        if not sentences:
            yield f"{where} there is nothing to compare {self.model} with."
            return
        once, tests, rest = " ".join([where, *sentences]).partition(TESTS)
        yield once + tests + rest.replace(TESTS, "")
        intervals = [(task, one["ours"].interval) for task, one in claims.items()]
        known = [(task, interval) for task, interval in intervals if interval]
        if doubtful := [task for task, interval in known if not interval.reliable]:
            which = f"the interval{'s' if len(doubtful) > 1 else ''} of {', '.join(doubtful)}"
            which = "all of these intervals" if len(doubtful) == len(known) else which
            yield f"Since there are few records, or few that decide, {which} may be too narrow."

    def _against_published(self, claims: Claims) -> Iterator[str]:
        if outcomes := _by(claims, "outcome"):
            same = f", as high in {_tasks(outcomes[0])}" if outcomes[0] else ""
            yield (
                f"{self.model} scores higher than the best published general LLM in "
                f"{len(outcomes[1])} of {_number(outcomes)}{same} and lower in "
                f"{_tasks(outcomes[-1])}."
            )
        yield from _positions("Its 95 % interval", claims, "interval", "the published value")
        if within := _by(claims, "within"):
            yield (
                f"Over its whole interval it is better, or worse by at most {100 * self.margin:g} "
                "% of what that value gains over the best simple baseline, in "
                f"{len(within['yes'])} of {_number(within)}, and worse by more in "
                f"{_tasks(within['no'])}."
            )

    def _against_simple(self, claims: Claims) -> Iterator[str]:
        name, whose = "the best simple baseline", f"The interval of {self.model}"
        tests = [*self._tests(name, claims, "beating")]
        yield from tests or _positions(whose, claims, "interval of simple", f"the score of {name}")

    def _against_untuned(self, untuned: str, claims: Claims) -> Iterator[str]:
        """Against limited answers where there are any; otherwise free ones, with the invalid share.
        Then how much of what tuning gains is the form of the answers."""
        limited = {task: one for task, one in claims.items() if "limited" in one}
        free = {task: one for task, one in claims.items() if "limited" not in one}
        named = f"{self.constrained}, which is not tuned but limited to valid answers,"
        yield from self._tests(named, limited, "tuning")
        named = f"{untuned}, which is not tuned{_invalid(free)},"
        yield from self._tests(named, free, "tuning")
        keys = ("untuned", "like", "ours")
        found = [[one.get(key, Cell()).number for key in keys] for one in claims.values()]
        known = [[value for value in values if value is not None] for values in found]
        if whole := [values for values in known if len(values) == len(keys)]:
            score, like, tuned = map(fmean, zip(*whole, strict=True))
            gain, form = difference_text(tuned - score), difference_text(like - score)
            gained = f": of the gain of {gain}, {form} is form" if score < min(like, tuned) else ""
            yield (
                f"On average over {_number({'': whole})}, {untuned}{_invalid(claims)}, scores "
                f"{score_text(score)}, {score_text(like)} if the form of its answers does not "
                f"count, and {self.model} {score_text(tuned)}{gained}."
            )

    def _tests(self, other: str, claims: Claims, key: str) -> Iterator[str]:
        """A sentence on the tests of differences, for the claims that have one."""
        if found := _by(claims, key, tested):
            better = f" ({', '.join(found[1])})" if found[1] else ""
            rest = "; the other tests do not decide" if found[0] else ""
            yield (
                f"{self.model} is better than {other} in {len(found[1])} of {_number(found)}"
                f"{better} and worse in {_tasks(found[-1])}{TESTS}{rest}."
            )


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


def tested(cell: Cell) -> int | None:
    """1 if a difference is significantly better, -1 if worse, 0 if neither; None if it was not
    tested."""
    if (value := cell.number) is None:
        return None
    return sign(value) if "significant" in cell.marks else 0


def sign(difference: float) -> int:
    """1, 0 or -1."""
    return (difference > 0) - (difference < 0)


def _tested(claims: Sequence[Claim], key: str) -> bool:
    """Whether a difference was tested in any task."""
    return any(one.get(key, Cell()).number is not None for one in claims)


def _positions(whose: str, claims: Claims, key: str, what: str) -> Iterator[str]:
    """A sentence on where the intervals lie, for the claims that have one."""
    if tasks := _by(claims, key):
        yield (
            f"{whose} lies above {what} in {_tasks(tasks['above'])}, contains it in "
            f"{_tasks(tasks['contains'])} and lies below it in {_tasks(tasks['below'])}."
        )


def _invalid(claims: Claims) -> str:
    shares = (one.get("invalid", Cell()).number for one in claims.values())
    known = [share for share in shares if share is not None]
    return f", with {percent_text(fmean(known), 0)} % of its answers invalid" if known else ""


def _by(
    claims: Claims, key: str, of: Callable[[Cell], Any] = lambda cell: cell.value
) -> defaultdict[Any, list[str]]:
    """The tasks of the claims by what a column says of them, if anything."""
    found: defaultdict[Any, list[str]] = defaultdict(list)
    for task, one in claims.items():
        if (said := of(one.get(key, Cell()))) is not None:
            found[said].append(task)
    return found


def _number(of: Mapping[Any, Sequence[object]]) -> str:
    count = sum(map(len, of.values()))
    return f"{count} {'task' if count == 1 else 'tasks'}"


def _tasks(tasks: Sequence[str]) -> str:
    """A number of tasks with their names."""
    return f"{len(tasks)} ({', '.join(tasks)})" if tasks else "none"
