"""The answer of a study: what a model is good for, task by task, and what it costs.

Tests are those in the table of claims, so that both say the same; without one, intervals decide.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ecslm.common.text import number_of
from ecslm.common.tidy_rows import TidyRow
from ecslm.reports.settings import ReportSettings
from ecslm.reports.words import Confusion, duration
from ecslm.tables.costs import REQUESTS, SECONDS_PER_HOUR, ModelCost
from ecslm.tables.kinds.claims import BEATING, tested
from ecslm.tables.model import MISSING, Cell, Panel, Table, score_text
from ecslm.tables.scores import Measured, Scores

OUTCOMES = {1: "better than simple", 0: "no better", -1: "worse", None: "not compared"}
# By where the interval lies.
POSITIONS = {"above": 1, "contains": 0, "below": -1}
# Why a difference whose p is small does not count.
DOUBTS = {"few": "too few records to be sure", "undecided": "p is too near to the level"}
# What is drawn beside the model's own score.
SIMPLE = "simple"
MARKS = {"untuned": "untuned", SIMPLE: "best simple baseline", "general": "best published"}
HOURS_PER_MONTH = 730


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
        price, simple_price: of 1,000 requests to the model, and to the best simple baseline.
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
    simple_price: str
    confusion: Confusion

    @property
    def word(self) -> str:
        """The outcome in words."""
        return OUTCOMES[self.outcome]

    @property
    def reason(self) -> str:
        """What it is compared with, and why a difference that can be seen does not count."""
        simple = [one for one in self.marks if one.kind == SIMPLE]
        differs = any(one.value != self.score.number for one in simple)
        doubt = self.doubt or "the difference may be chance" * (self.outcome == 0 and differs)
        names = (f"{one.row} {score_text(one.value)}" for one in simple)
        return "; ".join(filter(None, [*names, doubt]))

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
    def doubtful(self) -> bool:
        """Whether an interval may be too narrow."""
        intervals = (task.score.interval for task in self.tasks)
        return any(not one.reliable for one in intervals if one)

    @property
    def sentences(self) -> list[str]:
        """What it is good for, and what it is not."""
        good, same, bad, unknown = (
            [one.title for one in self.tasks if one.outcome == outcome] for outcome in OUTCOMES
        )
        rules = [t.title for t in self.tasks if t.outcome in (0, -1) and t.simple_price == "free"]
        found, better = [], "shown to be better than the best simple baseline"
        if compared := good + same + bad:
            said = f"not {better}{' in any task' if len(compared) > 1 else ''}"
            if good:
                count = f"{len(good)} of {number_of(len(compared), 'task')}"
                said = f"{better} in {count}: {_listed(good)}"
            found.append(f"{self.model} is {said}.")
        if same or bad:
            rest = "In the others a" if good else "A"
            found.append(f"{rest} simple baseline is not shown to be worse, and costs less to use.")
        if rules:
            found.append(f"In {_listed(rules)} it is a trivial rule: neither may be good enough.")
        if bad:
            found.append(f"In {_listed(bad)} the model is worse.")
        if unknown:
            found.append(f"{self.model} is compared with no simple baseline in {_listed(unknown)}.")
        return found


def verdicts_of(
    scores: Scores, costs: Sequence[TidyRow], settings: ReportSettings, tables: Sequence[Table]
) -> list[Verdict]:
    """The verdicts on the model that the answer is about, by setting."""
    if (model := settings.answering) is None:
        return []
    context = settings.context
    # By setting and task, what the first table of claims has in each column.
    claims: dict[tuple[str, str], dict[str, Cell]] = {}
    for table in [one for one in tables if one.kind == "claims"][:1]:
        for panel, setting in panels_of(table, settings):
            for row in panel.rows:
                cells = zip((column.key for column in panel.columns), row.cells, strict=True)
                claims.setdefault((setting, row.name), {}).update(cells)
    shown = [name for name, _ in claims] or [name for name, *_ in settings.settings_of.values()]
    verdicts = []
    for setting in dict.fromkeys(shown):
        rows = [
            _task_verdict(
                measured,
                simple,
                claims.get((setting, task), {}),
                task=task,
                title=context.tasks[task].title,
                metric=context.tasks[task].metric,
                price=amount(costs, settings, model, (task,)) or MISSING,
                simple_price=amount(costs, settings, simple[0], (task,)) if simple else "",
            )
            for task in settings.tasks
            for simple in [scores.simple(task, setting)]
            if (measured := scores.of(model, task, setting))
        ]
        rows.sort(key=lambda one: 2 if one.outcome is None else -one.outcome)
        verdicts.append(Verdict(model, setting, context.setting_title(setting), tuple(rows)))
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
    own: Measured, simple: tuple[str, Measured] | None, claim: Mapping[str, Cell], **about: str
) -> TaskVerdict:
    """
    Args:
        simple: the best simple baseline, by its row and its score.
        claim: what the table of claims has of the task, by column.
        about: further fields.
    """
    beating, published = claim.get(BEATING.key, Cell()), claim.get("general row", Cell(shown=""))
    drawn = (
        ("untuned", "", claim.get("untuned", Cell()).number),
        (SIMPLE, *((simple[0], simple[1].strict) if simple else ("", None))),
        ("general", published.shown, claim.get("general", Cell()).number),
    )
    marks = [Mark(kind, row, value) for kind, row, value in drawn if value is not None]
    outcome, others = tested(beating), [one.value for one in marks if one.kind == SIMPLE]
    if outcome is None and others and (interval := own.cell.interval):
        outcome = POSITIONS[interval.position(*others)]
    says = in_words(own.details)
    return TaskVerdict(
        says="one seed: " * (says != "" and own.seeds > 1) + says
        or number_of(own.records, "record"),
        score=own.cell,
        marks=tuple(marks),
        outcome=outcome,
        doubt=next((DOUBTS[mark] for mark in beating.marks if mark in DOUBTS), ""),
        confusion=own.details.get("confusion", {}),
        **about,
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


def prices_of(costs: Sequence[TidyRow], settings: ReportSettings) -> Iterator[tuple[str, str, str]]:
    """What is known of the costs of the model that the answer is about: of what, how much, and
    what else is known."""
    if (name := settings.answering) is None:
        return
    tasks = settings.context.models[name].tasks
    if requests := amount(costs, settings, name, tasks):
        yield f"{REQUESTS:,} requests", requests, "in batches, on a device always busy"
        if settings.hourly and settings.context.models[name].prices is None:
            month = money(HOURS_PER_MONTH * settings.hourly, settings.currency)
            yield "The device, a month", month, "if it is always on, however few requests come"
    model = _cost(costs, settings, name, tasks)
    hours = model.values["training device-hours"]
    # Its adapters may be those of another.
    if model.context.adapter_of == name and not math.isnan(hours):
        price = money(model.values["training price"], settings.currency)
        more = " on ".join(filter(None, [price, *model.devices[:1]]))
        yield "Training, once", duration(hours * SECONDS_PER_HOUR), more
    if settings.timed:
        half, most = (model.values[f"latency {one}"] for one in ("p50", "p95"))
        yield "One answer", f"{half:.2g} s", f"median; 95 % within {most:.2g} s"


def amount(
    costs: Sequence[TidyRow], settings: ReportSettings, name: str, tasks: tuple[str, ...]
) -> str:
    """The price of 1,000 requests of some tasks to a row, or else how long they take here; "" if
    neither is known. Trivial rules need no device."""
    if name not in settings.context.models:
        return "free"
    model = _cost(costs, settings, name, tasks)
    if settings.hourly is None and model.context.prices is None and not math.isnan(model.seconds):
        return duration(model.seconds) if model.seconds >= 1 else "under 1 s"
    return money(model.values["price"], settings.currency)


def money(value: float, currency: str | None) -> str:
    """A price as people write it: with cents, or with two digits if it is less than that."""
    if math.isnan(value):
        return ""
    decimals = max(2, 1 - math.floor(math.log10(value))) if value > 0 else 2
    return f"{currency or ''} {value:,.{decimals}f}".strip()


def _cost(
    costs: Sequence[TidyRow], settings: ReportSettings, name: str, tasks: tuple[str, ...]
) -> ModelCost:
    """What a model costs, if it answers some tasks alone."""
    model = settings.context.models[name].model_copy(update={"tasks": tasks})
    hourly = math.nan if settings.hourly is None else settings.hourly
    return ModelCost(costs, name, model, hourly, timed=True)


def _listed(names: Sequence[str]) -> str:
    """Names as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
