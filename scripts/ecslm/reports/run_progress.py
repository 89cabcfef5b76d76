"""How long the rest of a run takes, from what its jobs and those like them took before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean


@dataclass(frozen=True)
class PlannedJob:
    """What is known of a job before it runs."""

    seconds: float | None = None
    """Seconds that it last took; None if unknown."""
    likenesses: tuple[tuple[str, ...], ...] = ()
    """Keys that jobs of about the same length share, the most similar jobs first."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """The share of each limited resource, of cores for example, that it takes while it runs."""


class RunProgress:
    """Follows the jobs of a run, by Snakemake's numbers. All times are seconds since the epoch."""

    def __init__(self, due: Mapping[int, PlannedJob], others: Iterable[PlannedJob] = ()) -> None:
        """
        Args:
            due: the jobs of the run.
            others: further jobs, whose times are those of similar ones.
        """
        self._due = due
        self._waiting = set(due)
        self._begun: dict[int, float] = {}
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        self.done = 0
        for job in (*due.values(), *others):
            if job.seconds is not None:
                self._note(job, job.seconds)

    def __contains__(self, number: object) -> bool:
        return number in self._due

    @property
    def total(self) -> int:
        """The number of all jobs of the run."""
        return len(self._due)

    @property
    def count(self) -> str:
        """How many are done, of how many, in text that is always as wide."""
        return f"{self.done:>{len(str(self.total))}}/{self.total}"

    def begin(self, number: int, now: float) -> None:
        """Note that a job has begun, perhaps once more."""
        self._waiting.discard(number)
        self._begun[number] = now

    def end(self, number: int, now: float) -> None:
        """Note that a job is done."""
        self.done += 1
        self._note(self._due[number], now - self._begun.pop(number))

    def fail(self, numbers: Iterable[int]) -> None:
        """Note that jobs have failed: they are waited for only if they begin again."""
        for number in numbers:
            self._begun.pop(number, None)

    def expected(self, number: int) -> float | None:
        """The seconds that a job takes: as it last took, else the mean of those most like it."""
        job = self._due[number]
        known = (self._took[one] for one in job.likenesses if one in self._took)
        return job.seconds if job.seconds is not None else next(map(fmean, known), None)

    def time_left(self, now: float) -> str:
        """How long the rest of the run takes, in words; empty if too little is known of it: nothing
        at all, or less than a job of unknown length has been running.

        The resource that is short decides: jobs that need all of it run one after the other, and
        those that need half of it two at a time. Waiting for inputs is not counted.
        """
        work: dict[str, float] = defaultdict(float)
        known, unknown = list[float](), list[float]()
        for number in (*self._waiting, *self._begun):
            expected, running = self.expected(number), now - self._begun.get(number, now)
            if expected is None:
                unknown.append(running)
                continue
            known.append(max(0.0, expected - running))
            for resource, share in self._due[number].shares.items():
                work[resource] += known[-1] * share
        seconds = max((*known, *work.values()), default=0.0)
        if not known or seconds < max(unknown, default=0.0):
            return ""
        return f"{'more than' if unknown else 'about'} {duration(seconds)}"

    def _note(self, job: PlannedJob, seconds: float) -> None:
        for likeness in job.likenesses:
            self._took[likeness].append(seconds)


def duration(seconds: float) -> str:
    """Seconds in words, for example `14 s`, `6 min 40 s` and `2 h 5 min`."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"
