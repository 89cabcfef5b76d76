"""Claims about one model: its scores beside published, simple and untuned ones, and a paragraph in
plain words, which say no more than the numbers support."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ecslm.comparisons.proportions import newcombe_interval
from ecslm.scoring.intervals import CONFIDENCE, wilson_interval
from ecslm.tables.model import Cell, Interval, difference_text, percent_text, score_text
from ecslm.tables.notes import LEVEL

# Said of the first tests alone.
TESTS = f", by paired tests (p adjusted by Holm's method below {LEVEL})"


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

    def value(self, key: str) -> float | int | str | None:
        """What stands in a column, if anything does."""
        return self.cells.get(key, Cell()).value

    def number(self, key: str) -> float | None:
        """The number in a column, if there is one."""
        return self.cells.get(key, Cell()).number


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


def sign(difference: float, rounding: float = 0.0) -> int:
    """1 or -1; 0 if rounding does not tell."""
    return 0 if abs(difference) <= rounding else 1 if difference > 0 else -1


def claims_paragraph(
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
    sentences = [*_others(model, claims, margin), *_simple(model, claims)]
    if untuned:
        sentences += _untuned(model, untuned, constrained, claims)
    if not sentences:
        return f"{where}: there is nothing to compare {model} with."
    text = " ".join([f"{where}:", *sentences, *_unreliable(claims)])
    once, tests, rest = text.partition(TESTS)
    return once + tests + rest.replace(TESTS, "")


def _others(model: str, claims: Sequence[Claim], margin: float) -> Iterator[str]:
    """Against published models."""
    if outcomes := _by(claims, lambda one: one.outcome):
        same = f", as high in {_tasks(outcomes[0])}" if outcomes[0] else ""
        yield (
            f"{model} scores higher than the best published general LLM in {len(outcomes[1])} of "
            f"{_number(outcomes)}{same} and lower in {_tasks(outcomes[-1])}."
        )
    yield from _positions("Its 95 % interval", claims, "interval", "the published value")
    if within := _by(claims, lambda one: one.value("within")):
        yield (
            f"Over its whole interval it is better, or worse by at most {100 * margin:g} % of what "
            f"that value gains over the best simple baseline, in {len(within['yes'])} of "
            f"{_number(within)}, and worse by more in {_tasks(within['no'])}."
        )


def _simple(model: str, claims: Sequence[Claim]) -> Iterator[str]:
    name, whose = "the best simple baseline", f"The interval of {model}"
    tests = [*_tests(model, name, claims, "beating")]
    yield from tests or _positions(whose, claims, "interval of simple", f"the score of {name}")


def _untuned(
    model: str, untuned: str, constrained: str | None, claims: Sequence[Claim]
) -> Iterator[str]:
    """Against limited answers where there are any; otherwise free ones, with the invalid share.
    Then how much of what tuning gains is the form of the answers."""
    limited = [claim for claim in claims if claim.limited]
    free = [claim for claim in claims if not claim.limited]
    named = f"{constrained}, which is not tuned but limited to valid answers,"
    yield from _tests(model, named, limited, "tuning")
    named = f"{untuned}, which is not tuned{_invalid(free)},"
    yield from _tests(model, named, free, "tuning")
    found = [[one.number(key) for key in ("untuned", "like", "ours")] for one in claims]
    known = [[value for value in values if value is not None] for values in found]
    if whole := [values for values in known if len(values) == 3]:
        free_score, like, tuned = map(fmean, zip(*whole, strict=True))
        gain, form = difference_text(tuned - free_score), difference_text(like - free_score)
        gained = f": of the gain of {gain}, {form} is form" if free_score < min(like, tuned) else ""
        yield (
            f"On average over {_number({'': whole})}, {untuned}{_invalid(claims)}, scores "
            f"{score_text(free_score)}, {score_text(like)} if the form of its answers does not "
            f"count, and {model} {score_text(tuned)}{gained}."
        )


def _invalid(claims: Sequence[Claim]) -> str:
    known = [value for one in claims if (value := one.number("invalid")) is not None]
    return f", with {percent_text(fmean(known), 0)} % of its answers invalid" if known else ""


def _tests(model: str, other: str, claims: Sequence[Claim], key: str) -> Iterator[str]:
    """A sentence on the tests of differences, for the claims that have one."""
    if found := _by(claims, lambda one: tested(one.cells.get(key, Cell()))):
        better = f" ({', '.join(found[1])})" if found[1] else ""
        rest = "; the other tests do not decide" if found[0] else ""
        yield (
            f"{model} is better than {other} in {len(found[1])} of {_number(found)}{better} and "
            f"worse in {_tasks(found[-1])}{TESTS}{rest}."
        )


def _positions(whose: str, claims: Sequence[Claim], key: str, what: str) -> Iterator[str]:
    """A sentence on where the intervals lie, for the claims that have one."""
    if tasks := _by(claims, lambda one: one.value(key)):
        yield (
            f"{whose} lies above {what} in {_tasks(tasks['above'])}, contains it in "
            f"{_tasks(tasks['contains'])} and lies below it in {_tasks(tasks['below'])}."
        )


def _unreliable(claims: Sequence[Claim]) -> Iterator[str]:
    known = {one.task: interval for one in claims if (interval := one.cells["ours"].interval)}
    doubtful = [task for task, interval in known.items() if not interval.reliable]
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
