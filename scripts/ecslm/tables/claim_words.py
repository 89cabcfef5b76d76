"""The verdict: the claims in plain words, which say no more than the numbers support."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ecslm.tables.claims import Claim
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
    where: str, model: str, claims: Sequence[Claim], *, untuned: str | None, margin: float
) -> str:
    """A paragraph on the claims of one setting.

    Args:
        where: the setting in words.
        model: the model that they are about.
        untuned: the model that it was trained from.
        margin: how much below a published score is close enough.
    """
    sentences = [
        *_general(model, claims, margin),
        *(_untuned(model, untuned, claims) if untuned else ()),
        *_positions(
            f"The interval of {model}",
            claims,
            lambda claim: claim.against_trivial,
            "the score of the best trivial baseline",
        ),
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
            f"Over its whole interval it is better, or worse by at most {margin:g}, in "
            f"{len(close)} of {_number(judged)}, and worse by more in {_tasks(far)}."
        )


def _untuned(model: str, untuned: str, claims: Sequence[Claim]) -> Iterator[str]:
    compared = [claim for claim in claims if claim.tuned is not None]
    if not compared:
        return
    better, worse = (_where(compared, lambda claim: claim.tuned, sign) for sign in (1, -1))
    named = f" ({', '.join(better)})" if better else ""
    others = len(compared) - len(better) - len(worse)
    rest = "; the other tests do not decide" if others else ""
    yield (
        f"{model} is better than {untuned}, which is not tuned, in {len(better)} of "
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


def _number(claims: Sequence[Claim]) -> str:
    return f"{len(claims)} {'task' if len(claims) == 1 else 'tasks'}"


def _tasks(tasks: Sequence[str]) -> str:
    """A number of tasks with their names."""
    return f"{len(tasks)} ({', '.join(tasks)})" if tasks else "none"
