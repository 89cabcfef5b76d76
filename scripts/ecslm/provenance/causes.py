"""Why jobs would run: the reasons of each, and the causes of a run, under one of which each job is
counted."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecslm.provenance.changes import differences
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import TOP


class Changes:
    """The jobs of a graph, and why a run would do them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        """Args:
        jobs: each after those whose results it reads.
        """
        self.jobs = tuple(jobs)
        self._by_path = {path: job for job in self.jobs for path in job.files}

    def job_of(self, path: str) -> Job | None:
        """The job that makes a file."""
        return self._by_path.get(path)

    def sources(self, job: Job) -> Iterator[Job]:
        """The jobs whose results a job reads."""
        return (self._by_path[path] for path in job.inputs if path in self._by_path)

    @cache  # noqa: B019 - one instance a process
    def reasons(self, job: Job) -> tuple[str, ...]:
        """Why the job itself would run; empty if it would not, or only since another one would.

        Raises:
            InputError: the manifest is broken.
        """
        if not job.due:
            return ()
        if not Path(job.manifest).exists():
            return ("not built yet",)
        if job.interrupted:
            return ("the job that built it was interrupted before Snakemake recorded its end",)
        found = (
            *(f"{path} is missing" for path in job.results if not Path(path).exists()),
            *(change.words for change in differences(job)),
            *([f"the command of rule {job.rule} has changed"] if job.other_command else []),
        )
        follows = any(source.due for source in self.sources(job))
        # What the library does not know of, Snakemake does.
        return found or (() if follows else (job.reason,))

    def upstream(self, job: Job) -> dict[str, list[Job]]:
        """Every reason to run a job or those upstream, the nearest first, with the jobs that have
        it."""
        needed = {job}
        found: dict[str, list[Job]] = {}
        for one in reversed(self.jobs):
            if one in needed:
                needed.update(self.sources(one))
                for reason in self.reasons(one):
                    found.setdefault(reason, []).append(one)
        return found

    def downstream(self, jobs: Container[Job]) -> tuple[Job, ...]:
        """The jobs that would run because of some: these, and all that read their results."""
        found: dict[Job, None] = {}
        for job in self.jobs:
            if job.due and (job in jobs or any(one in found for one in self.sources(job))):
                found[job] = None
        return tuple(found)


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
        weight: how much work it is to run some jobs, most significant number first.

    Raises:
        InputError: a manifest is broken.
    """
    groups: dict[frozenset[Job], list[str]] = {}
    for reason, concerned in _root_reasons(changes):
        groups.setdefault(concerned, []).append(reason)
    reached = [(reasons, jobs, changes.downstream(jobs)) for jobs, reasons in groups.items()]
    reached.sort(key=lambda one: weight(one[2]), reverse=True)
    causes: list[Cause] = []
    counted: set[Job] = set()
    for reasons, concerned, jobs in reached:
        own = tuple(job for job in jobs if job in concerned)
        causes.append(Cause(tuple(reasons), own, jobs, tuple(x for x in jobs if x not in counted)))
        counted.update(jobs)
    return causes


def _root_reasons(changes: Changes) -> Iterator[tuple[str, frozenset[Job]]]:
    """Reasons with the jobs that have them; alike ones about results are one.

    Left out are those that only follow from an input which another job would make anew.
    """
    makers = {path for job in changes.jobs if job.due for path in job.files}
    alike: dict[str, dict[str, None]] = {}
    concerned: dict[str, set[Job]] = {}
    for job in changes.jobs:
        for reason in changes.reasons(job):
            path, _, words = reason.partition(" ")
            if not (path in makers and path in job.inputs):
                kind = words if path.startswith(f"{TOP}/") else reason
                alike.setdefault(kind, {})[reason] = None
                concerned.setdefault(kind, set()).add(job)
    for kind, (first, *others) in alike.items():
        more = f", and {len(others)} more like it" if others else ""
        yield first + more, frozenset(concerned[kind])
