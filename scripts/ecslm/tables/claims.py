"""Claims about one model: its scores beside published, simple and untuned ones, and the verdict in
plain words, which say no more than the numbers support."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ecslm.comparisons.proportions import newcombe_interval
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.model import (
    Cell,
    Interval,
    Position,
    count_cell,
    difference_text,
    number_cell,
    percent_text,
    score_text,
    text_cell,
)
from ecslm.tables.notes import LEVEL

# Said of the first tests alone.
TESTS = f", by paired tests (p adjusted by Holm's method below {LEVEL})"
WHERE: dict[Position, str] = {
    "above": "lies above it",
    "contains": "contains it",
    "below": "lies below it",
}


# A row's name and cell, which has a number.
Named = tuple[str, Cell]


@dataclass(frozen=True)
class Claim:
    """A model's score in one task and setting, and what it is compared with.

    Attributes:
        cells: by the keys of columns, those that there are.
        outcome: 1 if the score is higher than the published one, -1 if it is lower, 0 if it is the
            same as printed; None if it is not compared with one.
        limited: whether answers limited to valid ones stand for the untuned model in any form.
    """

    task: str
    cells: Mapping[str, Cell]
    outcome: int | None
    limited: bool

    def number(self, key: str) -> float | None:
        """The number in a column, if there is one."""
        return number(self.cells.get(key, Cell()))

    def tested(self, key: str) -> int | None:
        """1 if a difference is significantly better, -1 if worse, 0 if neither; None if it was not
        tested."""
        return tested(self.cells.get(key, Cell()))


def claim(
    task: str,
    n: int,
    ours: Cell,
    general: Named | None,
    simple: Named | None,
    *,
    rounding: float,
    proportion: bool,
    margin: float,
    limited: bool = False,
    **others: Cell,
) -> Claim:
    """A score beside others.

    Args:
        n: test records.
        ours: the score, without a value if it is not defined.
        general: the best published general model; None also where the data are not comparable.
        simple: the best simple baseline.
        rounding: how much the published value may be off, since it was rounded.
        proportion: whether the score is the share of the records with a right answer.
        margin: how far below a published score still counts as close enough: a share of what that
            gains over the best simple baseline, if anything. Source: Non-inferiority clinical
            trials, FDA, 2016 (a margin that preserves most of the effect).
        others: further cells of the row.
    """
    value, own = number(ours), ours.interval
    cells = {"records": count_cell(n, ours.sources), "ours": ours, **others}

    def judge(key: str, judgement: str) -> None:
        """By the interval, with a star where that may be too narrow."""
        star = "" if own and own.reliable else "*"
        cells[key] = Cell(judgement, f"{judgement}{star}", sources=ours.sources)

    for key, row in (("general", general), ("simple", simple)):
        if row:
            cells |= {f"{key} row": text_cell(row[0], row[1].sources), key: row[1]}
    published = number(general[1]) if general else None
    baseline = number(simple[1]) if simple else None
    difference = None if value is None or published is None else value - published
    sources = (*ours.sources, *(general[1].sources if general else ()))
    cells["difference"] = number_cell(difference, difference_text, sources)
    if own and value is not None and published is not None:
        interval = difference_interval(value, own, published, n if proportion else None)
        judge("interval", interval.position(0.0, rounding))
        if baseline is not None:
            least = -margin * max(0.0, published - baseline) - rounding
            yes, no = interval.low >= least, interval.high < least
            judge("within", "yes" if yes else "no" if no else "unclear")
    if own and baseline is not None:
        judge("interval of simple", own.position(baseline))
    outcome = None if difference is None else _sign(difference, rounding)
    return Claim(task, cells, outcome, limited)


def difference_interval(value: float, own: Interval, published: float, n: int | None) -> Interval:
    """The interval of a score minus a published one.

    Args:
        n: records of a published proportion, which is binomial and has as many as ours, since these
            are the same; None if the value is taken as exact.
    """
    other = (published, published) if n is None else wilson_interval(published * n, n, CONFIDENCE)
    return Interval(*newcombe_interval((value, published), ((own.low, own.high), other)))


def best(cells: Mapping[str, Cell]) -> Named | None:
    """The row with the largest value, of equal ones the first; values on another scale, which are
    marked `doubled`, do not count."""
    known = {
        name: value
        for name, cell in cells.items()
        if (value := number(cell)) is not None and "doubled" not in cell.marks
    }
    name = max(known, key=known.__getitem__, default=None)
    return None if name is None else (name, cells[name])


def number(cell: Cell) -> float | None:
    """The number in a cell, if it has one."""
    return cell.value if isinstance(cell.value, float) else None


def tested(cell: Cell) -> int | None:
    """As `Claim.tested`."""
    value = number(cell)
    if value is None:
        return None
    return _sign(value) if "significant" in cell.marks else 0


def _sign(difference: float, rounding: float = 0.0) -> int:
    """1 or -1; 0 if rounding does not tell."""
    return 0 if abs(difference) <= rounding else 1 if difference > 0 else -1


def verdict(
    where: str,
    model: str,
    claims: Sequence[Claim],
    *,
    untuned: str | None,
    constrained: str | None,
    margin: float,
) -> str:
    """A paragraph on the claims of one setting.

    Args:
        where: the setting in words.
        model: the model that they are about.
        untuned: the model that it was trained from.
        constrained: that model with its answers limited to valid ones.
        margin: the share of a published gain that may be missing.
    """
    sentences = [
        *_general(model, claims, margin),
        *_simple(model, claims),
        *(_untuned(model, untuned, constrained, claims) if untuned else ()),
    ]
    if not sentences:
        return f"{where}: there is nothing to compare {model} with."
    text = " ".join([f"{where}:", *sentences, *_unreliable(claims)])
    once, tests, rest = text.partition(TESTS)
    return once + tests + rest.replace(TESTS, "")


def _general(model: str, claims: Sequence[Claim], margin: float) -> Iterator[str]:
    outcomes = _by(claims, lambda one: one.outcome)
    if not outcomes:
        return
    same = f", as high in {_tasks(outcomes[0])}" if outcomes[0] else ""
    yield (
        f"{model} scores higher than the best published general LLM in {len(outcomes[1])} of "
        f"{_number(outcomes)}{same} and lower in {_tasks(outcomes[-1])}."
    )
    positions = _by(claims, _said("interval"))
    yield from _positions("Its 95 % interval", positions, "the published value")
    if within := _by(claims, _said("within")):
        yield (
            f"Over its whole interval it is better, or worse by at most {100 * margin:g} % of what "
            f"that value gains over the best simple baseline, in {len(within['yes'])} of "
            f"{_number(within)}, and worse by more in {_tasks(within['no'])}."
        )


def _simple(model: str, claims: Sequence[Claim]) -> Iterator[str]:
    name = "the best simple baseline"
    positions = _by(claims, _said("interval of simple"))
    tests = [*_tests(model, name, claims, "beating")]
    yield from tests or _positions(f"The interval of {model}", positions, f"the score of {name}")


def _untuned(
    model: str, untuned: str, constrained: str | None, claims: Sequence[Claim]
) -> Iterator[str]:
    """Against limited answers where there are any; otherwise free ones, with the invalid share."""
    limited = [claim for claim in claims if claim.limited]
    free = [claim for claim in claims if not claim.limited]
    named = f"{constrained}, which is not tuned but limited to valid answers,"
    yield from _tests(model, named, limited, "tuning")
    named = f"{untuned}, which is not tuned{_invalid(free)},"
    yield from _tests(model, named, free, "tuning")
    yield from _form(model, untuned, claims)


def _invalid(claims: Sequence[Claim]) -> str:
    known = [value for one in claims if (value := one.number("invalid")) is not None]
    return f", with {percent_text(fmean(known), 0)} % of its answers invalid" if known else ""


def _form(model: str, untuned: str, claims: Sequence[Claim]) -> Iterator[str]:
    """How much of what tuning gains is the form of the answers."""
    columns = ("untuned", "like", "ours")
    found = [[one.number(key) for key in columns] for one in claims]
    known = [[value for value in values if value is not None] for values in found]
    whole = [values for values in known if len(values) == len(columns)]
    if not whole:
        return
    free, like, tuned = map(fmean, zip(*whole, strict=True))
    gain, form = difference_text(tuned - free), difference_text(like - free)
    gained = f": of the gain of {gain}, {form} is form" if free < min(like, tuned) else ""
    yield (
        f"On average over {_number({'': whole})}, {untuned}{_invalid(claims)}, scores "
        f"{score_text(free)}, {score_text(like)} if the form of its answers does not count, and "
        f"{model} {score_text(tuned)}{gained}."
    )


def _tests(model: str, other: str, claims: Sequence[Claim], key: str) -> Iterator[str]:
    """A sentence on the tests of differences, for the claims that have one."""
    # 1: significantly better, -1: worse, 0: neither.
    tested = _by(claims, lambda one: one.tested(key))
    if tested:
        better = tested[1]
        named = f" ({', '.join(better)})" if better else ""
        rest = "; the other tests do not decide" if tested[0] else ""
        yield (
            f"{model} is better than {other} in {len(better)} of {_number(tested)}{named} and "
            f"worse in {_tasks(tested[-1])}{TESTS}{rest}."
        )


def _positions(whose: str, tasks: Mapping[Any, Sequence[str]], what: str) -> Iterator[str]:
    """A sentence on where the intervals lie, for the tasks that have one."""
    if tasks:
        above, contains, below = (f"{WHERE[one]} in {_tasks(tasks[one])}" for one in WHERE)
        yield f"{whose} {above.replace('it', what, 1)}, {contains} and {below}."


def _unreliable(claims: Sequence[Claim]) -> Iterator[str]:
    known = {one.task: interval for one in claims if (interval := one.cells["ours"].interval)}
    doubtful = [task for task, interval in known.items() if not interval.reliable]
    if doubtful:
        named = f"the interval{'s' if len(doubtful) > 1 else ''} of {', '.join(doubtful)}"
        which = "all of these intervals" if len(doubtful) == len(known) else named
        yield f"Since there are few records, or few that decide, {which} may be too narrow."


def _said(key: str) -> Callable[[Claim], object]:
    return lambda one: one.cells.get(key, Cell()).value


def _by(claims: Sequence[Claim], of: Callable[[Claim], object]) -> defaultdict[Any, list[str]]:
    """The tasks of the claims by what is said of them, if anything is."""
    found: defaultdict[Any, list[str]] = defaultdict(list)
    for claim in claims:
        if (said := of(claim)) is not None:
            found[said].append(claim.task)
    return found


def _number(of: Mapping[Any, Sequence[object]]) -> str:
    count = sum(map(len, of.values()))
    return f"{count} {'task' if count == 1 else 'tasks'}"


def _tasks(tasks: Sequence[str]) -> str:
    """A number of tasks with their names."""
    return f"{len(tasks)} ({', '.join(tasks)})" if tasks else "none"
