"""The answer of a study: what a model is good for, task by task, and what it costs.

It is read off the table of claims, so that both say the same; without one, off tables of results.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.reports.run_progress import duration
from ecslm.reports.settings import ReportSettings
from ecslm.tables.claims import tested
from ecslm.tables.costs import REQUESTS, SECONDS_PER_HOUR, Costs, answering_files, model_cost
from ecslm.tables.model import Cell, Panel, Table, score_text
from ecslm.tables.scores import Scores

BETTER, NO_BETTER, WORSE, UNKNOWN = "better than simple", "no better", "worse", "not compared"
OUTCOMES = {1: BETTER, 0: NO_BETTER, -1: WORSE, None: UNKNOWN}
POSITIONS = {"above": 1, "contains": 0, "below": -1}
# Why a difference whose p is small does not count.
DOUBTS = {"few": "too few records to be sure", "undecided": "p is too near to the level"}
# Columns of the table of claims that are drawn beside the model's own score.
MARKS = {"untuned": "untuned", "simple": "best simple baseline", "general": "best published"}

# Answers (the values) to records with each right answer (the keys), and how many there are.
Confusion = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Mark:
    """A score that stands beside the model's own: a key of `MARKS`, and its row."""

    kind: str
    row: str
    value: float


@dataclass(frozen=True)
class TaskVerdict:
    """What the model is worth in a task.

    Attributes:
        says: its answers in the words of the data.
        outcome: 1: better than the best simple baseline, 0: not shown to be, -1: worse, None: not
            compared.
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
        titles = {
            outcome: [one.title for one in self.tasks if one.outcome == outcome]
            for outcome in OUTCOMES
        }
        compared = [one for one in self.tasks if one.outcome is not None]
        if not compared:
            return [f"{self.model} is compared with no simple baseline."]
        of = f"{len(titles[1])} of {len(compared)} task{'' if len(compared) == 1 else 's'}"
        better = f"{of}: {_listed(titles[1])}" if titles[1] else f"none of {len(compared)} tasks"
        found = [f"{self.model} is better than the best simple baseline in {better}."]
        if titles[0] or titles[-1]:
            worse = f" It is worse in {_listed(titles[-1])}." if titles[-1] else ""
            rest = "the others" if titles[1] else "them"
            found.append(
                f"In {rest} it is not shown to be better, and a simple baseline costs less to use."
                f"{worse}"
            )
        return found


@dataclass(frozen=True)
class Cost:
    """A number of the costs: what it is of, how much, and what else is known."""

    of: str
    amount: str
    more: str = ""


def read_verdicts(
    results: Path, settings: ReportSettings, tables: Sequence[Table]
) -> list[Verdict]:
    """The verdicts on the model that the answer is about, by setting.

    Raises:
        InputError: a score or a cost is missing, altered or invalid.
    """
    if settings.answering is None:
        return []
    scored = [table for table in tables if table.name in settings.settings_of]
    claims = [table for table in scored if table.kind == "claims"][:1]
    found: dict[str, dict[str, dict[str, Cell]]] = {}
    for table in claims or scored:
        for panel, setting in panels_of(table, settings):
            cells = _claimed(panel) if claims else _scored(panel, settings.answering)
            for task, of_task in cells.items():
                found.setdefault(setting, {}).setdefault(task, {}).update(of_task)
    scores, title = Scores(results, settings.context), settings.context.setting_title
    prices = {
        task: price_of_task(results, settings, task)
        for task in dict.fromkeys(task for by_task in found.values() for task in by_task)
    }
    return [
        Verdict(
            model=settings.answering,
            setting=setting,
            title=title(setting),
            tasks=tuple(
                sorted(
                    (
                        _task_verdict(settings, scores, setting, task, cells, prices[task])
                        for task, cells in by_task.items()
                    ),
                    key=lambda one: 2 if one.outcome is None else -one.outcome,
                )
            ),
        )
        for setting, by_task in found.items()
    ]


def panels_of(table: Table, settings: ReportSettings) -> Iterator[tuple[Panel, str]]:
    """The panels of a table with their settings, "" where it is of none; one without a title goes
    with that before."""
    named = settings.settings_of.get(table.name, ())
    titles = {settings.context.setting_title(name): name for name in named}
    setting = named[0] if named else ""
    for panel in table.panels:
        setting = titles.get(panel.float_title, setting)
        yield panel, setting


def _claimed(panel: Panel) -> dict[str, dict[str, Cell]]:
    keys = [column.key for column in panel.columns]
    return {row.name: dict(zip(keys, row.cells, strict=True)) for row in panel.rows}


def _scored(panel: Panel, model: str) -> dict[str, dict[str, Cell]]:
    """The same of a table of results, as far as it has it."""
    found = {}
    for row in (row for row in panel.rows if row.name == model):
        for column, cell in zip(panel.columns, row.cells, strict=True):
            if cell.value is not None:
                found[column.key] = {"ours": cell}
                if (simple := column.simple) is not None:
                    named = {"simple row": Cell(shown=simple.name), "simple": Cell(simple.value)}
                    found[column.key] |= named
                    if cell.interval:
                        where = cell.interval.position(simple.value)
                        found[column.key]["interval of simple"] = Cell(where)
    return found


def _task_verdict(
    settings: ReportSettings,
    scores: Scores,
    setting: str,
    task: str,
    cells: Mapping[str, Cell],
    price: str,
) -> TaskVerdict:
    assert settings.answering is not None
    beating, missing = cells.get("beating", Cell()), Cell(shown="")
    outcome = tested(beating)
    if outcome is None:
        outcome = POSITIONS.get(str(cells.get("interval of simple", missing).value))
    context = settings.context.tasks[task]
    measured = scores.of(settings.answering, task, setting)
    details = measured.details if measured else {}
    confusion = details.get("confusion", {})
    of_seed = "" if not measured or measured.seeds == 1 else "one seed: "
    records = f"{measured.records:,} records" if measured else ""
    return TaskVerdict(
        task=task,
        title=context.title,
        metric=context.metric,
        says=of_seed + words if (words := in_words(confusion, details)) else records,
        score=cells["ours"],
        marks=tuple(
            Mark(kind, cells.get(f"{kind} row", missing).shown, cell.value)
            for kind in MARKS
            if isinstance((cell := cells.get(kind, missing)).value, float)
        ),
        outcome=outcome,
        doubt=next((DOUBTS[mark] for mark in beating.marks if mark in DOUBTS), ""),
        price=price,
        confusion=confusion,
    )


def in_words(confusion: Confusion, details: Mapping[str, Mapping[str, int]]) -> str:
    """Right and wrong answers in the words of the data; "" where answers are partly right."""
    if set(confusion) == {"yes", "no"}:
        yes, no = confusion["yes"], confusion["no"]
        return (
            f"finds {yes['yes']:,} of {sum(yes.values()):,} yes, {no['yes']:,} false "
            f"alarm{'' if no['yes'] == 1 else 's'} in {sum(no.values()):,} no"
        )
    if confusion:
        right = sum(answers.get(one, 0) for one, answers in confusion.items())
        total = sum(sum(answers.values()) for answers in confusion.values())
        return f"{right:,} of {total:,} right"
    counts = details.get("counts", {})
    if set(counts) == {"hits", "misses"}:
        return f"{counts['hits']:,} of {sum(counts.values()):,} right"
    return ""


def price_of_task(results: Path, settings: ReportSettings, task: str) -> str:
    """What 1,000 requests of a task cost the model."""
    return _amount(results, settings, (task,)) or "--"


def read_costs(results: Path, settings: ReportSettings) -> list[Cost]:
    """What is known of the costs: of training, of 1,000 requests, of a single answer.

    Raises:
        InputError: a file is missing or invalid.
    """
    if settings.answering is None:
        return []
    study, hourly = settings.context, math.nan if settings.hourly is None else settings.hourly
    model = model_cost(results, study, settings.answering, settings.timed, hourly)
    found, known = [], model.values
    if model.tuned and not math.isnan(hours := known["training device-hours"]):
        price = money(known["training price"], settings.currency)
        more = " on ".join(filter(None, [price, *model.devices[:1]]))
        found.append(Cost("Training, once", duration(hours * SECONDS_PER_HOUR), more))
    if amount := _amount(results, settings, study.models[settings.answering].tasks):
        found.append(Cost(f"{REQUESTS:,} requests", amount, "in batches, on a device always busy"))
    if settings.timed:
        slow = f"median; 95 % within {known['latency p95']:.2g} s"
        found.append(Cost("One answer", f"{known['latency p50']:.2g} s", slow))
    return found


def _amount(results: Path, settings: ReportSettings, tasks: tuple[str, ...]) -> str:
    """The price of 1,000 requests, or else how long they take here; "" if neither is known."""
    assert settings.answering is not None
    name, hourly = settings.answering, math.nan if settings.hourly is None else settings.hourly
    model = settings.context.models[name].model_copy(update={"tasks": tasks})
    study = settings.context.model_copy(update={"models": {name: model}})
    price = model_cost(results, study, name, False, hourly).values["price"]
    answering = Costs(results, answering_files(study, name))
    seconds, prompts = answering.total("seconds"), answering.total("prompts")
    if math.isnan(price) and model.local and prompts and not math.isnan(seconds):
        return duration(REQUESTS * seconds / prompts)
    return money(price, settings.currency)


def money(value: float, currency: str | None) -> str:
    """A price as people write it: with cents, or with two digits if it is less than that."""
    if math.isnan(value):
        return ""
    decimals = max(2, 1 - math.floor(math.log10(value))) if value > 0 else 2
    return f"{currency or ''} {value:,.{decimals}f}".strip()


def _listed(names: Sequence[str]) -> str:
    """Names as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
