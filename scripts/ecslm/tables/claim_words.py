"""The verdict: the claims in plain words, which say no more than the numbers support."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import TypeVar

from ecslm.tables.claims import Claim, tested
from ecslm.tables.model import Cell, difference_text, percent_text, score_text
from ecslm.tables.notes import LEVEL
from ecslm.tables.verdicts import Position

Value = TypeVar("Value")

WHERE: dict[Position, str] = {
    "above": "lies above it",
    "contains": "contains it",
    "below": "lies below it",
}


def not_comparable(model: str, source: str) -> str:
    """The first paragraph if the published values were measured on other data than `source`."""
    return (
        f"The published models answered other records than these ({source}), so their "
        f"scores cannot be compared: {model} is compared only with rows of this study."
    )


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
    return " ".join([f"{where}:", *sentences, *_unreliable(claims)])


def _general(model: str, claims: Sequence[Claim], margin: float) -> Iterator[str]:
    compared = [claim for claim in claims if claim.outcome is not None]
    if not compared:
        return
    higher, equal, lower = (
        _where(compared, lambda claim: claim.outcome, outcome) for outcome in (1, 0, -1)
    )
    same = f", as high in {_tasks(equal)}" if equal else ""
    yield (
        f"{model} scores higher than the best published general LLM in {len(higher)} of "
        f"{_number(compared)}{same} and lower in {_tasks(lower)}."
    )
    yield from _positions(
        "Its 95 % interval", compared, lambda claim: claim.against_general, "the published value"
    )
    judged = [claim for claim in compared if claim.within(margin) is not None]
    close = _where(judged, lambda claim: claim.within(margin), "yes")
    far = _where(judged, lambda claim: claim.within(margin), "no")
    if judged:
        yield (
            f"Over its whole interval it is better, or worse by at most {100 * margin:g} % of what "
            f"that value gains over the best simple baseline, in {len(close)} of "
            f"{_number(judged)}, and worse by more in {_tasks(far)}."
        )


def _simple(model: str, claims: Sequence[Claim]) -> Iterator[str]:
    name = "the best simple baseline"
    tests = [*_tests(model, name, claims, lambda claim: claim.beating)]
    yield from tests or _positions(
        f"The interval of {model}",
        claims,
        lambda claim: claim.against_simple,
        f"the score of {name}",
    )


def _untuned(
    model: str, untuned: str, constrained: str | None, claims: Sequence[Claim]
) -> Iterator[str]:
    """Against limited answers where there are any; otherwise free ones, with the invalid share."""
    limited = [claim for claim in claims if claim.limited]
    free = [claim for claim in claims if not claim.limited]
    named = f"{constrained}, which is not tuned but limited to valid answers,"
    yield from _tests(model, named, limited, lambda claim: claim.tuning)
    named = f"{untuned}, which is not tuned{_invalid(free)},"
    yield from _tests(model, named, free, lambda claim: claim.tuning)
    yield from _form(model, untuned, claims)


def _invalid(claims: Sequence[Claim]) -> str:
    known = [one.invalid.value for one in claims if isinstance(one.invalid.value, float)]
    return f", with {percent_text(fmean(known), 0)} % of its answers invalid" if known else ""


def _form(model: str, untuned: str, claims: Sequence[Claim]) -> Iterator[str]:
    """How much of what tuning gains is the form of the answers."""
    known = [
        (one.untuned.value, one.like.value, one.value)
        for one in claims
        if isinstance(one.untuned.value, float) and isinstance(one.like.value, float)
    ]
    values = [(free, like, tuned) for free, like, tuned in known if tuned is not None]
    if not values:
        return
    free, like, tuned = (fmean(column) for column in zip(*values, strict=True))
    yield (
        f"On average over {_number(values)}, {untuned}{_invalid(claims)}, scores "
        f"{score_text(free)}, {score_text(like)} if the form of its answers does not count, and "
        f"{model} {score_text(tuned)}: of the gain of {difference_text(tuned - free)}, "
        f"{difference_text(like - free)} is form."
    )


def _tests(
    model: str, other: str, claims: Sequence[Claim], of: Callable[[Claim], Cell]
) -> Iterator[str]:
    """A sentence on the tests of differences, for the claims that have one."""
    compared = [claim for claim in claims if tested(of(claim)) is not None]
    if not compared:
        return
    better, worse = (_where(compared, lambda claim: tested(of(claim)), sign) for sign in (1, -1))
    named = f" ({', '.join(better)})" if better else ""
    rest = "; the other tests do not decide" if len(better + worse) < len(compared) else ""
    yield (
        f"{model} is better than {other} in {len(better)} of "
        f"{_number(compared)}{named} and worse in {_tasks(worse)}, by paired tests (p adjusted by "
        f"Holm's method below {LEVEL}){rest}."
    )


def _positions(
    whose: str, claims: Sequence[Claim], of: Callable[[Claim], Position | None], what: str
) -> Iterator[str]:
    """A sentence on where the intervals lie, for the claims that have one."""
    known = [claim for claim in claims if of(claim) is not None]
    if not known:
        return
    parts: list[str] = []
    for where, words in WHERE.items():
        tasks = _where(known, of, where)
        words = words if parts else words.replace("it", what)
        parts.append(f"{words} in {_tasks(tasks)}")
    yield f"{whose} {', '.join(parts[:-1])} and {parts[-1]}."


def _unreliable(claims: Sequence[Claim]) -> Iterator[str]:
    known = [claim for claim in claims if claim.ours.interval is not None]
    doubtful = [claim.task for claim in known if not claim.reliable]
    if not doubtful:
        return
    which = "all of these intervals" if len(doubtful) == len(known) else _named(doubtful)
    yield f"Since there are few records, or few that decide, {which} may be too narrow."


def _where(claims: Sequence[Claim], of: Callable[[Claim], Value | None], value: Value) -> list[str]:
    """The tasks of the claims for which `of` returns the value."""
    return [claim.task for claim in claims if of(claim) == value]


def _named(tasks: Sequence[str]) -> str:
    return f"the interval{'s' if len(tasks) > 1 else ''} of {', '.join(tasks)}"


def _number(claims: Sequence[object]) -> str:
    return f"{len(claims)} {'task' if len(claims) == 1 else 'tasks'}"


def _tasks(tasks: Sequence[str]) -> str:
    """A number of tasks with their names."""
    return f"{len(tasks)} ({', '.join(tasks)})" if tasks else "none"
