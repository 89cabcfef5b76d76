"""Finds the causes of a run: the changes behind its jobs, each job counted under one of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ecslm.provenance.changes import Changes
from ecslm.provenance.dag import Job

# A reason that is about a result.
OF_A_RESULT = re.compile(r"^(results/\S+) (.+)", re.DOTALL)


@dataclass(frozen=True)
class Cause:
    """Changes that concern the same jobs."""

    reasons: tuple[str, ...]
    concerned: tuple[Job, ...]
    """The jobs whose own reasons these are."""
    reached: tuple[Job, ...]
    """All jobs that would run because of it: those concerned, and those that read their results."""
    counted: tuple[Job, ...]
    """The reached jobs that no earlier cause reaches."""


def find_causes(
    changes: Changes, weight: Callable[[Sequence[Job]], tuple[float, ...]]
) -> list[Cause]:
    """The causes of the jobs that would run, those that reach most first.

    A job that several causes reach is counted under the first of them.

    Args:
        changes: of jobs, each after those whose results it reads.
        weight: how much work it is to run some jobs, most significant number first.

    Raises:
        InputError: a manifest is broken.
    """
    stale = {job.manifest: job for job in changes.jobs if job.due}
    groups = list(_grouped(changes, stale.values()).values())
    own: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for manifest in group.concerned:
            own.setdefault(manifest, []).append(number)
    reaching: dict[str, set[int]] = {}
    reached: list[list[Job]] = [[] for _ in groups]
    for manifest, job in stale.items():
        found = set(own.get(manifest, ()))
        for source in changes.sources(job):
            found |= reaching.get(source.manifest, set())
        reaching[manifest] = found
        for number in found:
            reached[number].append(job)
    order = sorted(range(len(groups)), key=lambda n: weight(reached[n]), reverse=True)
    counted: dict[int, list[Job]] = {number: [] for number in order}
    for manifest, job in stale.items():
        counted[next(n for n in order if n in reaching[manifest])].append(job)
    return [
        Cause(
            tuple(groups[number].reasons),
            tuple(stale[manifest] for manifest in groups[number].concerned),
            tuple(reached[number]),
            tuple(counted[number]),
        )
        for number in order
    ]


@dataclass
class _Group:
    """A reason, or several, and the manifests of the jobs that have it."""

    reasons: list[str] = field(default_factory=list)
    concerned: dict[str, None] = field(default_factory=dict)


def _grouped(changes: Changes, stale: Iterable[Job]) -> dict[frozenset[str], _Group]:
    """Reasons by the jobs that have them. Alike reasons about several results are one."""
    makers = {path: job for job in stale for path in job.files}
    alike: dict[str, dict[str, None]] = {}
    concerned: dict[str, dict[str, None]] = {}
    for job in stale:
        for reason in _root_reasons(changes, job, makers):
            kind = OF_A_RESULT.sub(r"* \2", reason)
            alike.setdefault(kind, {})[reason] = None
            concerned.setdefault(kind, {})[job.manifest] = None
    groups: dict[frozenset[str], _Group] = {}
    for kind, manifests in concerned.items():
        group = groups.setdefault(frozenset(manifests), _Group(concerned=manifests))
        first, *others = alike[kind]
        group.reasons.append(first + (f", and {len(others)} more like it" if others else ""))
    return groups


def _root_reasons(changes: Changes, job: Job, makers: dict[str, Job]) -> Iterator[str]:
    """Reasons without those that only follow from an input which another job would make anew."""
    reasons = changes.reasons(job)
    inputs = set(job.inputs) if reasons else ()
    for reason in reasons:
        path = reason.partition(" ")[0]
        if not (path in inputs and path in makers):
            yield reason
