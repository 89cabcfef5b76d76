"""The jobs of a run: which have ended, which are running, and how long the rest will take."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean


@dataclass(frozen=True)
class JobKey:
    """A job: its rule and its wildcards."""

    rule: str
    wildcards: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, rule: str, wildcards: Mapping[str, str]) -> "JobKey":
        """The key of a job with these wildcards."""
        return cls(rule, frozenset(wildcards.items()))


@dataclass(frozen=True)
class PlannedJob:
    """What is known of a job before it runs."""

    seconds: float | None = None
    """Seconds that it last took, or that jobs like it took; None if unknown."""
    likenesses: tuple[tuple[str, ...], ...] = ()
    """Keys that jobs of about the same length share, the most similar jobs first."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """The share of each limited resource, of cores for example, that it takes while it runs."""


@dataclass(frozen=True)
class TimeLeft:
    """Seconds that the rest of a run takes; at least so many if that of some jobs is unknown."""

    seconds: float
    at_least: bool = False


class RunProgress:
    """Follows the jobs of a run. All times are seconds since the epoch."""

    def __init__(self, planned: Mapping[JobKey, PlannedJob]) -> None:
        self._planned = planned
        self._waiting = set(planned)
        self._begun: dict[JobKey, float] = {}
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        self.done = 0

    def __contains__(self, job: object) -> bool:
        return job in self._planned

    @property
    def total(self) -> int:
        """The number of all jobs."""
        return len(self._planned)

    def begin(self, job: JobKey, now: float) -> None:
        """Note that a job has begun, perhaps once more."""
        self._waiting.discard(job)
        self._begun[job] = now

    def end(self, job: JobKey, now: float) -> float:
        """Note that a job is done; returns the seconds that it took."""
        seconds = now - self._begun.pop(job)
        self.done += 1
        for likeness in self._planned[job].likenesses:
            self._took[likeness].append(seconds)
        return seconds

    def fail(self, job: JobKey, now: float) -> float:
        """Note that a job has failed; returns the seconds that it ran."""
        return now - self._begun.pop(job, now)

    def expected(self, job: JobKey) -> float | None:
        """The seconds that a job takes: as it last took, else as those of this run that are most
        like it did; None if there are none."""
        planned = self._planned[job]
        if planned.seconds is not None:
            return planned.seconds
        for likeness in planned.likenesses:
            if took := self._took.get(likeness):
                return fmean(took)
        return None

    def time_left(self, now: float) -> TimeLeft | None:
        """How long the rest of the run takes; None if too little is known of it: nothing at all, or
        less than a job of unknown length has been running.

        The resource that is short decides: jobs that need all of it run one after the other, and
        those that need half of it two at a time. Waiting for inputs is not counted.
        """
        work: dict[str, float] = defaultdict(float)
        longest, known, unknown = 0.0, 0, list[float]()
        for job in (*self._waiting, *self._begun):
            expected, running = self.expected(job), now - self._begun.get(job, now)
            if expected is None:
                unknown.append(running)
                continue
            known += 1
            left = max(0.0, expected - running)
            longest = max(longest, left)
            for resource, share in self._planned[job].shares.items():
                work[resource] += left * share
        seconds = max(longest, *work.values()) if work else longest
        if unknown and (not known or seconds < max(unknown)):
            return None
        return TimeLeft(seconds, bool(unknown))
