"""The verdict: what claims say, in plain words, and no more than their numbers bear."""

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


def verdict(
    where: str,
    model: str,
    claims: Sequence[Claim],
    *,
    untuned: str | None,
    margin: float,
    source: str | None,
) -> str:
    """A paragraph on the claims of one setting.

    Args:
        where: the setting in words.
        model: the model that they are about.
        untuned: the model that comparisons are with.
        source: the data, if published values cannot be compared with; None if they can.
    """
    sentences = [
        *(_general(model, claims, margin) if source is None else _not_comparable(model, source)),
        *(_untuned(untuned, claims) if untuned else ()),
        *_trivial(claims),
        *_unreliable(claims),
    ]
    return " ".join([f"{where}:", *sentences])


def _not_comparable(model: str, source: str) -> Iterator[str]:
    yield (
        f"nothing is said of the published models, which answered other records than these "
        f"({source}); {model} is compared with rows of this study alone."
    )


def _general(model: str, claims: Sequence[Claim], margin: float) -> Iterator[str]:
    compared = [claim for claim in claims if claim.outcome is not None]
    if not compared:
        yield f"{model} has no score to compare with a published one."
        return
    higher, equal, lower = (
        _where(compared, lambda claim: claim.outcome, outcome) for outcome in (1, 0, -1)
    )
    same = f", as high in {_tasks(equal)}" if equal else ""
    yield (
        f"{model} scores higher than the best published general LLM of a task in "
        f"{len(higher)} of {len(compared)} tasks{same} and lower in {_tasks(lower)}."
    )
    yield from _positions(compared, lambda claim: claim.against_general, "the published value")
    judged = [claim for claim in compared if claim.within(margin) is not None]
    close = _where(judged, lambda claim: claim.within(margin), "yes")
    far = _where(judged, lambda claim: claim.within(margin), "no")
    if judged:
        yield (
            f"By its whole interval it is better, or worse by at most {margin:g}, in "
            f"{len(close)} of {len(judged)}, and worse by more in {_tasks(far)}."
        )


def _untuned(untuned: str, claims: Sequence[Claim]) -> Iterator[str]:
    compared = [claim for claim in claims if claim.tuned is not None]
    if not compared:
        return
    better, worse = (_where(compared, lambda claim: claim.tuned, sign) for sign in (1, -1))
    yield (
        f"It is better than {untuned}, which is not tuned, in {len(better)} of {len(compared)} "
        f"tasks and worse in {_tasks(worse)}, by paired tests (Holm's p below {LEVEL}); the others "
        "are not decided."
    )


def _trivial(claims: Sequence[Claim]) -> Iterator[str]:
    compared = [claim for claim in claims if claim.against_trivial is not None]
    yield from _positions(
        compared, lambda claim: claim.against_trivial, "the score of the best trivial baseline"
    )


def _positions(
    compared: Sequence[Claim], of: Callable[[Claim], Position | None], what: str
) -> Iterator[str]:
    """Where intervals lie, of the claims that have one."""
    known = [claim for claim in compared if of(claim) is not None]
    if not known:
        return
    parts: list[str] = []
    for where, words in WHERE.items():
        tasks = _where(known, of, where)
        words = words if parts else words.replace("it", what)
        parts.append(f"{words} in {_tasks(tasks)}")
    yield f"Its 95 % interval {', '.join(parts[:-1])} and {parts[-1]}."


def _unreliable(claims: Sequence[Claim]) -> Iterator[str]:
    known = [claim for claim in claims if claim.ours.interval is not None]
    doubtful = [claim.task for claim in known if not claim.reliable]
    if not doubtful:
        return
    which = "all of these intervals" if len(doubtful) == len(known) else _named(doubtful)
    yield f"With so few records, or few that decide, {which} may be too narrow."


def _where(
    claims: Sequence[Claim], of: Callable[[Claim], Value | None], value: Value
) -> list[str]:
    """The tasks whose claim has a value."""
    return [claim.task for claim in claims if of(claim) == value]


def _named(tasks: Sequence[str]) -> str:
    return f"the interval{'s' if len(tasks) > 1 else ''} of {', '.join(tasks)}"


def _tasks(tasks: Sequence[str]) -> str:
    """A number of tasks with their names."""
    return f"{len(tasks)} ({', '.join(tasks)})" if tasks else "none"
