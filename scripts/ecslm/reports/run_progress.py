"""How long the rest of a run takes, from what its jobs and those like them took before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

# Jobs of this likeness take seconds.
SHORT = ("short",)


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
    """Follows the jobs of a run, by Snakemake's numbers. All times are seconds since the epoch.

    Attributes:
        due: the jobs of the run.
        left: those that have not begun or are running, but for those that failed.
    """

    def __init__(self, due: Mapping[int, PlannedJob], others: Iterable[PlannedJob] = ()) -> None:
        """
        Args:
            others: further jobs, whose times are those of similar ones.
        """
        self.due, self.left, self._done = due, set(due), 0
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for job in (*due.values(), *others):
            self._note(job, job.seconds)

    @property
    def count(self) -> str:
        """How many are done, of how many, in text that is always as wide."""
        return f"[{self._done:>{len(str(len(self.due)))}}/{len(self.due)}]"

    def end(self, number: int, seconds: float) -> None:
        """Note that a job is done, and how long it took."""
        self.left.discard(number)
        self._done += 1
        self._note(self.due[number], seconds)

    def time_left(self, running: Mapping[int, tuple[float, float | None]]) -> str:
        """How long the rest of the run takes, in words; "" while a job's length is not known.

        The resource that is short decides: jobs that need all of it run one after the other, and
        those that need half of it two at a time. Waiting for inputs is not counted.

        Args:
            running: seconds that a job has run, and takes in all as far as it shows.
        """
        # No run ends before its longest job.
        longest, work = 0.0, defaultdict[str, float](float)
        for number in self.left:
            spent, measured = running.get(number, (0.0, None))
            expected = measured or self._expected(self.due[number])
            if expected is None:
                return ""
            seconds = max(0.0, expected - spent)
            longest = max(longest, seconds)
            for resource, share in self.due[number].shares.items():
                work[resource] += seconds * share
        seconds = max(longest, *work.values(), 0.0)
        return f"about {duration(seconds)}" if seconds else ""

    def _expected(self, job: PlannedJob) -> float | None:
        """The seconds that a job takes: as it last took, else the mean of those most like it."""
        alike = (fmean(self._took[one]) for one in job.likenesses if one in self._took)
        return job.seconds if job.seconds is not None else next(alike, None)

    def _note(self, job: PlannedJob, seconds: float | None) -> None:
        if seconds is not None:
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
