"""The answer of a study: what a model is good for, task by task, and what it costs.

It is read off the table of claims, so that both say the same; without one, off the scores.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ecslm.common.text import number_of
from ecslm.reports.settings import ReportSettings
from ecslm.reports.words import duration
from ecslm.tables.costs import REQUESTS, SECONDS_PER_HOUR, Costs, ModelCost, model_cost
from ecslm.tables.kinds.claims import tested
from ecslm.tables.model import Cell, Panel, Table, score_text
from ecslm.tables.scores import Measured, Scores
from ecslm.tables.settings import TableContext

OUTCOMES = {1: "better than simple", 0: "no better", -1: "worse", None: "not compared"}
# By where the interval lies.
POSITIONS = {"above": 1, "contains": 0, "below": -1}
# Why a difference whose p is small does not count.
DOUBTS = {"few": "too few records to be sure", "undecided": "p is too near to the level"}
# Columns of the table of claims that are drawn beside the model's own score.
MARKS = {"untuned": "untuned", "simple": "best simple baseline", "general": "best published"}

# Answers (the values) to records with each right answer (the keys), and how many there are.
Confusion = Mapping[str, Mapping[str, int]]


class Mark(NamedTuple):
    """A score that stands beside the model's own: a key of `MARKS`, and its row."""

    kind: str
    row: str
    value: float


@dataclass(frozen=True)
class TaskVerdict:
    """What the model is worth in a task.

    Attributes:
        says: its answers in the words of the data.
        outcome: of the comparison with the best simple baseline, a key of `OUTCOMES`.
        price: of 1,000 requests.
    """

    task: str
    title: str
    metric: str
    says: str
    score: Cell
    marks: tuple[Mark, ...]
    outcome: int | None
    doubt: str
    price: str
    confusion: Confusion

    @property
    def word(self) -> str:
        """The outcome in words."""
        return OUTCOMES[self.outcome]

    @property
    def reason(self) -> str:
        """What it is compared with, and why a difference that can be seen does not count."""
        simple = next((one for one in self.marks if one.kind == "simple"), None)
        if simple is None:
            return self.doubt
        own, why = self.score.number, self.doubt
        if not why and self.outcome == 0 and own is not None and own != simple.value:
            why = f"{'ahead' if own > simple.value else 'behind'}, perhaps by chance"
        return "; ".join(filter(None, [f"{simple.row} {score_text(simple.value)}", why]))

    @property
    def answers(self) -> list[str]:
        """The columns of its confusion matrix: right answers, others, and unreadable ones last."""
        given = {a for row in self.confusion.values() for a, count in row.items() if count}
        others = sorted(given.difference(self.confusion), key=lambda one: (one == "invalid", one))
        return [*self.confusion, *others]

    @property
    def drawn(self) -> str:
        """What the bar shows, in words."""
        own, interval = f"{self.metric} {self.score.shown}", self.score.interval
        if interval:
            own += f", 95 % interval {score_text(interval.low)} to {score_text(interval.high)}"
        others = (f"{MARKS[one.kind]} {one.row} {score_text(one.value)}" for one in self.marks)
        return "; ".join([own, *(" ".join(other.split()) for other in others)])


@dataclass(frozen=True)
class Verdict:
    """What a model is worth in an evaluation setting; tasks in which it is better come first."""

    model: str
    setting: str
    title: str
    tasks: tuple[TaskVerdict, ...]

    @property
    def kinds(self) -> list[str]:
        """The kinds of marks that occur."""
        return [kind for kind in MARKS if any(kind == m.kind for t in self.tasks for m in t.marks)]

    @property
    def sentences(self) -> list[str]:
        """What it is good for, and what it is not."""
        good, open_, bad, unknown = (
            [one.title for one in self.tasks if one.outcome == outcome] for outcome in OUTCOMES
        )
        compared = len(good) + len(open_) + len(bad)
        if not compared:
            return [f"{self.model} is compared with no simple baseline."]
        tasks = number_of(compared, "task")
        better = "better than the best simple baseline"
        one = compared == 1
        found = [f"{self.model} is {'not shown to be' if one else f'in none of {tasks}'} {better}."]
        if good:
            named = _listed(good) if one else f"{len(good)} of {tasks}: {_listed(good)}"
            found = [f"{self.model} is good for {named}. There it is {better}."]
        if open_ or bad:
            unsure = ", and the model is not shown to be better" if open_ and not one else ""
            rest = "For the others take" if good else "Take"
            found.append(f"{rest} a simple baseline: it costs less to use{unsure}.")
        if bad:
            found.append(f"In {_listed(bad)} the model is worse.")
        if unknown:
            found.append(f"In {_listed(unknown)} it is compared with no simple baseline.")
        return found


class Price(NamedTuple):
    """What it is of, how much, and what else is known."""

    of: str
    amount: str
    more: str


def read_verdicts(
    results: Path, settings: ReportSettings, tables: Sequence[Table]
) -> list[Verdict]:
    """The verdicts on the model that the answer is about, by setting.

    Raises:
        InputError: a score or a cost is missing, altered or invalid.
    """
    if (model := settings.answering) is None:
        return []
    scores = Scores(results, settings.context)
    found: dict[str, dict[str, dict[str, Cell]]] = {}
    for table in [one for one in tables if one.kind == "claims"][:1]:
        for panel, setting in panels_of(table, settings):
            keys = [column.key for column in panel.columns]
            for row in panel.rows:
                cells = dict(zip(keys, row.cells, strict=True))
                found.setdefault(setting, {}).setdefault(row.name, {}).update(cells)
    # What the table of claims would have of a score.
    for setting, *_ in () if found else settings.settings_of.values():
        for task in settings.tasks:
            if measured := scores.of(model, task, setting):
                cells = {"ours": measured.cell}
                simple, interval = scores.simple(task, setting), measured.cell.interval
                if simple and (value := simple[1].strict) is not None:
                    cells |= {"simple row": Cell(shown=simple[0]), "simple": Cell(value)}
                    position = interval.position(value) if interval else None
                    cells["interval of simple"] = Cell(position)
                found.setdefault(setting, {})[task] = cells
    verdicts = []
    for setting, by_task in found.items():
        rows = []
        for task, cells in by_task.items():
            measured, price = scores.of(model, task, setting), amount(results, settings, (task,))
            rows.append(_task_verdict(settings.context, task, cells, measured, price or "--"))
        rows.sort(key=lambda one: 2 if one.outcome is None else -one.outcome)
        title = settings.context.setting_title(setting)
        verdicts.append(Verdict(model, setting, title, tuple(rows)))
    return verdicts


def panels_of(table: Table, settings: ReportSettings) -> Iterator[tuple[Panel, str]]:
    """The panels of a table with their settings, "" where it is of none; one without a title goes
    with that before."""
    named = settings.settings_of.get(table.name, ())
    titles = {settings.context.setting_title(name): name for name in named}
    setting = named[0] if named else ""
    for panel in table.panels:
        setting = titles.get(panel.float_title, setting)
        yield panel, setting


def _task_verdict(
    study: TableContext, task: str, known: Mapping[str, Cell], measured: Measured | None, price: str
) -> TaskVerdict:
    cells = defaultdict(lambda: Cell(shown=""), known)
    beating, says, confusion = cells["beating"], "", {}
    outcome = tested(beating)
    if outcome is None:
        outcome = POSITIONS.get(str(cells["interval of simple"].value))
    if measured:
        says, confusion = in_words(measured.details), measured.details.get("confusion", {})
        says = "one seed: " * (says != "" and measured.seeds > 1) + says
        says = says or f"{measured.records:,} records"
    return TaskVerdict(
        task=task,
        title=study.tasks[task].title,
        metric=study.tasks[task].metric,
        says=says,
        score=cells["ours"],
        marks=tuple(
            Mark(kind, cells[f"{kind} row"].shown, value)
            for kind in MARKS
            if (value := cells[kind].number) is not None
        ),
        outcome=outcome,
        doubt=next((DOUBTS[mark] for mark in beating.marks if mark in DOUBTS), ""),
        price=price,
        confusion=confusion,
    )


def in_words(details: Mapping[str, Any]) -> str:
    """Right and wrong answers in the words of the data; "" where answers are partly right."""
    confusion, counts = details.get("confusion", {}), details.get("counts", {})
    if set(confusion) == {"yes", "no"}:
        yes, no = confusion["yes"], confusion["no"]
        return (
            f"finds {yes['yes']:,} of {sum(yes.values()):,} yes, "
            f"{number_of(no['yes'], 'false alarm')} in {sum(no.values()):,} no"
        )
    if confusion:
        right = sum(answers.get(one, 0) for one, answers in confusion.items())
        total = sum(count for row in confusion.values() for count in row.values())
        return f"{right:,} of {total:,} right"
    if set(counts) == {"hits", "misses"}:
        return f"{counts['hits']:,} of {sum(counts.values()):,} right"
    return ""


def read_prices(results: Path, settings: ReportSettings) -> Iterator[Price]:
    """What is known of the costs of the model that the answer is about.

    Raises:
        InputError: a file is missing or invalid.
    """
    if settings.answering is None:
        return
    tasks = settings.context.models[settings.answering].tasks
    if requests := amount(results, settings, tasks):
        yield Price(f"{REQUESTS:,} requests", requests, "in batches, on a device always busy")
    model = _cost(results, settings, tasks, settings.timed)
    if model.tuned and not math.isnan(hours := model.values["training device-hours"]):
        price = money(model.values["training price"], settings.currency)
        more = " on ".join(filter(None, [price, *model.devices[:1]]))
        yield Price("Training, once", duration(hours * SECONDS_PER_HOUR), more)
    if settings.timed:
        half, most = (model.values[f"latency {one}"] for one in ("p50", "p95"))
        yield Price("One answer", f"{half:.2g} s", f"median; 95 % within {most:.2g} s")


def amount(results: Path, settings: ReportSettings, tasks: tuple[str, ...]) -> str:
    """The price of 1,000 requests of some tasks, or else how long they take here; "" if neither is
    known."""
    model = _cost(results, settings, tasks)
    answering = Costs(results, model.sources["Answers"])
    seconds, prompts = answering.total("seconds"), answering.total("prompts")
    if math.isnan(model.values["price"]) and model.context.local and seconds * prompts > 0:
        return duration(REQUESTS * seconds / prompts)
    return money(model.values["price"], settings.currency)


def money(value: float, currency: str | None) -> str:
    """A price as people write it: with cents, or with two digits if it is less than that."""
    if math.isnan(value):
        return ""
    decimals = max(2, 1 - math.floor(math.log10(value))) if value > 0 else 2
    return f"{currency or ''} {value:,.{decimals}f}".strip()


def _cost(
    results: Path, settings: ReportSettings, tasks: tuple[str, ...], timed: bool = False
) -> ModelCost:
    """What the model costs, if it answers some tasks alone."""
    name, hourly = str(settings.answering), settings.hourly
    model = settings.context.models[name].model_copy(update={"tasks": tasks})
    study = settings.context.model_copy(update={"models": {name: model}})
    return model_cost(results, study, name, timed, math.nan if hourly is None else hourly)


def _listed(names: Sequence[str]) -> str:
    """Names as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
