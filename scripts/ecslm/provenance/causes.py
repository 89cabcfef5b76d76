"""Finds the causes of a run: the changes behind its jobs, each job counted under one of them."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from ecslm.provenance.changes import Changes
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import TOP


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
    due = [job for job in changes.jobs if job.due]
    reached = [
        (reasons, manifests, _reached(changes, due, manifests))
        for manifests, reasons in _grouped(changes, due).items()
    ]
    reached.sort(key=lambda one: weight(one[2]), reverse=True)
    causes, counted = [], set[str]()
    for reasons, manifests, jobs in reached:
        concerned = tuple(job for job in jobs if job.manifest in manifests)
        new = tuple(job for job in jobs if job.manifest not in counted)
        causes.append(Cause(tuple(reasons), concerned, jobs, new))
        counted.update(job.manifest for job in new)
    return causes


def _grouped(changes: Changes, due: Sequence[Job]) -> dict[frozenset[str], list[str]]:
    """Reasons by the manifests of the jobs that have them; alike ones about results are one."""
    makers = {path for job in due for path in job.files}
    alike: dict[str, dict[str, None]] = defaultdict(dict)
    concerned: dict[str, set[str]] = defaultdict(set)
    for job in due:
        for reason in _root_reasons(changes, job, makers):
            path, _, words = reason.partition(" ")
            kind = words if path.startswith(f"{TOP}/") else reason
            alike[kind][reason] = None
            concerned[kind].add(job.manifest)
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for kind, (first, *others) in alike.items():
        more = f", and {len(others)} more like it" if others else ""
        groups[frozenset(concerned[kind])].append(first + more)
    return groups


def _root_reasons(changes: Changes, job: Job, makers: Container[str]) -> Iterator[str]:
    """Reasons without those that only follow from an input which another job would make anew."""
    for reason in changes.reasons(job):
        path = reason.partition(" ")[0]
        if not (path in makers and path in job.inputs):
            yield reason


def _reached(changes: Changes, due: Sequence[Job], concerned: Container[str]) -> tuple[Job, ...]:
    """The concerned jobs and all below them."""
    found: dict[str, Job] = {}
    for job in due:
        sources = (source.manifest for source in changes.sources(job))
        if job.manifest in concerned or any(source in found for source in sources):
            found[job.manifest] = job
    return tuple(found.values())
