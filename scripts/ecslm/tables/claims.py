"""Claims about one model: its scores beside published, simple and untuned ones, and the verdict in
plain words, which say no more than the numbers support."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from ecslm.comparisons.proportions import newcombe_interval
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.model import Cell, Interval, Position, difference_text, percent_text, score_text
from ecslm.tables.notes import LEVEL

# Said of the first tests alone.
TESTS = f", by paired tests (p adjusted by Holm's method below {LEVEL})"
WHERE: dict[Position, str] = {
    "above": "lies above it",
    "contains": "contains it",
    "below": "lies below it",
}


@dataclass(frozen=True)
class Named:
    """The cell of a row, with the row's name."""

    name: str
    cell: Cell
    value: float


@dataclass(frozen=True)
class Claim:
    """A model's score in one task and setting, and what it is compared with, where there is that.

    Attributes:
        n: test records.
        ours: the score, without a value if it is not defined.
        general: the best published general model; None also where the data are not comparable.
        untuned: the same base, not tuned.
        invalid: the share of its answers that are invalid.
        like: its score without regard to the form of its answers.
        limited: whether that is the score of answers limited to valid ones, not the lenient one.
        tuning: the difference to the limited answers, or else to the free ones, marked where it is
            significant.
        simple: the best simple baseline.
        beating: the difference to it, marked where it is significant.
        rounding: how much the published value may be off, since it was rounded.
        proportion: whether the score is the share of the records with a right answer.
    """

    task: str
    n: int
    ours: Cell
    general: Named | None
    untuned: Cell
    invalid: Cell
    like: Cell
    limited: bool
    tuning: Cell
    simple: Named | None
    beating: Cell
    rounding: float
    proportion: bool

    @property
    def difference(self) -> float | None:
        """The score minus the published one."""
        if not isinstance(self.ours.value, float) or self.general is None:
            return None
        return self.ours.value - self.general.value

    @property
    def outcome(self) -> int | None:
        """1: the score is higher than the published one, -1: lower, 0: the same as printed."""
        return None if self.difference is None else _sign(self.difference, self.rounding)

    @property
    def interval(self) -> Interval | None:
        """The interval of the score minus the published one.

        A published proportion is binomial, with as many records as ours, since these are the same;
        other published values are taken as exact.
        """
        own, value, general = self.ours.interval, self.ours.value, self.general
        if own is None or not isinstance(value, float) or general is None:
            return None
        exact = general.value, general.value
        binomial = wilson_interval(general.value * self.n, self.n, CONFIDENCE)
        other = binomial if self.proportion else exact
        low, high = newcombe_interval((value, general.value), ((own.low, own.high), other))
        return Interval(low, high, own.reliable)

    @property
    def against_general(self) -> Position | None:
        """Where that interval lies, whatever digits the published value lost by rounding."""
        return None if self.interval is None else self.interval.position(0.0, self.rounding)

    def within(self, share: float) -> Literal["yes", "no", "unclear"] | None:
        """Whether the score is at most a margin below the published one: yes if the whole interval
        of the difference is, no if none of it is, otherwise unclear.

        The margin is a share of what the published model gains over the best simple baseline, if
        anything.

        Source: Non-inferiority clinical trials, FDA, 2016 (a margin that preserves most of the
        effect).
        """
        if self.interval is None or self.general is None or self.simple is None:
            return None
        least = -share * max(0.0, self.general.value - self.simple.value) - self.rounding
        if self.interval.low >= least:
            return "yes"
        return "no" if self.interval.high < least else "unclear"

    @property
    def against_simple(self) -> Position | None:
        """Where the interval of the score lies, relative to the best simple baseline."""
        if self.ours.interval is None or self.simple is None:
            return None
        return self.ours.interval.position(self.simple.value)

    @property
    def reliable(self) -> bool:
        """Whether the interval of the score is as wide as it should be."""
        return self.ours.interval is not None and self.ours.interval.reliable


def best(cells: Mapping[str, Cell]) -> Named | None:
    """The row with the largest value, of equal ones the first; values on another scale, which are
    marked `doubled`, do not count."""
    known = [
        Named(name, cell, cell.value)
        for name, cell in cells.items()
        if isinstance(cell.value, float) and "doubled" not in cell.marks
    ]
    return max(known, key=lambda one: one.value, default=None)


def _tested(difference: Cell) -> int | None:
    """1: significantly better, -1: worse, 0: neither; None if not tested."""
    if not isinstance(difference.value, float):
        return None
    return _sign(difference.value) if "significant" in difference.marks else 0


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
    positions = _by(claims, lambda one: one.against_general)
    yield from _positions("Its 95 % interval", positions, "the published value")
    if within := _by(claims, lambda one: one.within(margin)):
        yield (
            f"Over its whole interval it is better, or worse by at most {100 * margin:g} % of what "
            f"that value gains over the best simple baseline, in {len(within['yes'])} of "
            f"{_number(within)}, and worse by more in {_tasks(within['no'])}."
        )


def _simple(model: str, claims: Sequence[Claim]) -> Iterator[str]:
    name = "the best simple baseline"
    positions = _by(claims, lambda one: one.against_simple)
    tests = [*_tests(model, name, claims, lambda one: one.beating)]
    yield from tests or _positions(f"The interval of {model}", positions, f"the score of {name}")


def _untuned(
    model: str, untuned: str, constrained: str | None, claims: Sequence[Claim]
) -> Iterator[str]:
    """Against limited answers where there are any; otherwise free ones, with the invalid share."""
    limited = [claim for claim in claims if claim.limited]
    free = [claim for claim in claims if not claim.limited]
    named = f"{constrained}, which is not tuned but limited to valid answers,"
    yield from _tests(model, named, limited, lambda one: one.tuning)
    named = f"{untuned}, which is not tuned{_invalid(free)},"
    yield from _tests(model, named, free, lambda one: one.tuning)
    yield from _form(model, untuned, claims)


def _invalid(claims: Sequence[Claim]) -> str:
    known = [one.invalid.value for one in claims if isinstance(one.invalid.value, float)]
    return f", with {percent_text(fmean(known), 0)} % of its answers invalid" if known else ""


def _form(model: str, untuned: str, claims: Sequence[Claim]) -> Iterator[str]:
    """How much of what tuning gains is the form of the answers."""
    found = [(one.untuned.value, one.like.value, one.ours.value) for one in claims]
    known = [values for values in found if all(isinstance(value, float) for value in values)]
    if not known:
        return
    free, like, tuned = (fmean(map(float, column)) for column in zip(*known, strict=True))
    gain, form = difference_text(tuned - free), difference_text(like - free)
    gained = f": of the gain of {gain}, {form} is form" if free < min(like, tuned) else ""
    yield (
        f"On average over {_number({'': known})}, {untuned}{_invalid(claims)}, scores "
        f"{score_text(free)}, {score_text(like)} if the form of its answers does not count, and "
        f"{model} {score_text(tuned)}{gained}."
    )


def _tests(
    model: str, other: str, claims: Sequence[Claim], of: Callable[[Claim], Cell]
) -> Iterator[str]:
    """A sentence on the tests of differences, for the claims that have one."""
    if tested := _by(claims, lambda one: _tested(of(one))):
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
    known = [claim for claim in claims if claim.ours.interval is not None]
    doubtful = [claim.task for claim in known if not claim.reliable]
    if doubtful:
        named = f"the interval{'s' if len(doubtful) > 1 else ''} of {', '.join(doubtful)}"
        which = "all of these intervals" if len(doubtful) == len(known) else named
        yield f"Since there are few records, or few that decide, {which} may be too narrow."


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
