"""What a run prints in place of Snakemake's output: its jobs, how long the rest of them takes, by
what they and those like them took before, and last of all why it failed.

It takes the records of Snakemake's logger and knows them by the names of their fields alone. All
details are in the logs of jobs and in Snakemake's own.
"""

import logging
import os
import re
import textwrap
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TextIO

from ecslm.reports.words import duration

# Jobs of this likeness take seconds.
SHORT = ("short",)

# On a terminal, jobs that took longer leave a line.
LONG = 10.0
# Elsewhere a line says what is running after as many seconds without one.
HEARTBEAT = 60.0
# Removes what follows the cursor.
ERASE = "\r\x1b[J"
# Lines, and characters of each, that say why a run failed; running jobs that are shown.
MOST_LINES, MOST_CHARACTERS, MOST_RUNNING = 20, 600, 6
# Bytes at the end of a log that are read.
END_OF_LOG = 100_000
ERROR = "error: "
# How a line of progress begins, and how much of a job is done.
CLOCK = re.compile(r"^\d\d:\d\d:\d\d ")
SHARE = re.compile(r"\b(\d+) of (\d+)\b")
KILLED = "it ended without saying why, as a killed job does: perhaps for lack of memory or time"
# Words in errors of Snakemake that say only that a job failed, of which its own record tells more,
# and in those of the workflow itself, which Snakemake prints with their stack.
OF_JOBS = ("\nCalledProcessError in ", "At least one job did not complete successfully.")
# What is passed on though it is neither a warning nor an error.
ANSWERS = ("Nothing to be done ", "Terminating processes on user request")
STACK = '\n  File "'


@dataclass(frozen=True)
class PlannedJob:
    """What is known of a job before it runs."""

    seconds: float | None = None
    """Seconds that it last took; None if unknown."""
    likenesses: tuple[tuple[str, ...], ...] = ()
    """Keys that jobs of about the same length share, the most similar jobs first."""
    share: float = 0.0
    """The share of the cores or GPUs that it takes while it runs, whichever is larger."""


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
        """Note that a job of the run is done, and how long it took."""
        if job := self.due.get(number):
            self.left.discard(number)
            self._done += 1
            self._note(job, seconds)

    def time_left(self, running: Mapping[int, tuple[float, float | None]]) -> str:
        """How long the rest of the run takes, in words; "" while a job's length is not known.

        Jobs that need all cores or GPUs run one after the other, and those that need half of them
        two at a time. Waiting for inputs is not counted.

        Args:
            running: seconds that a job has run, and takes in all as far as it shows.
        """
        # No run ends before its longest job.
        longest = work = 0.0
        for number in self.left:
            job, (spent, measured) = self.due[number], running.get(number, (0.0, None))
            # As it last took, else the mean of the jobs that are most like it.
            alike = (fmean(self._took[one]) for one in job.likenesses if one in self._took)
            expected = measured or (next(alike, None) if job.seconds is None else job.seconds)
            if expected is None:
                return ""
            seconds = max(0.0, expected - spent)
            longest, work = max(longest, seconds), work + seconds * job.share
        return f"about {duration(max(longest, work))}" if longest else ""

    def _note(self, job: PlannedJob, seconds: float | None) -> None:
        if seconds is not None:
            for likeness in job.likenesses:
                self._took[likeness].append(seconds)


@dataclass
class _Job:
    """A job that is running."""

    message: str
    logs: Sequence[Path]
    begun: float

    def lines(self) -> list[str]:
        """The last lines of its logs."""
        return [line for path in self.logs for line in last_lines(path, self.begun)]

    def problems(self) -> list[str]:
        """What it says is wrong."""
        return [line.removeprefix(ERROR) for line in self.lines() if line.startswith(ERROR)]

    def reasons(self, others: Sequence[Path], said: str) -> list[str]:
        """Why it failed: its problems or, if it names none, what else is known.

        Args:
            others: logs of a scheduler.
            said: what the executor says.
        """
        told = [one for path in others for one in last_lines(path) if ERROR in one]
        # What it did last is no reason.
        last = [one for one in (told or self.lines())[-1:] if not CLOCK.match(one)]
        written = [path for path in self.logs if last_lines(path, self.begun)]
        see = ", ".join(str(path) for path in (*written, *others) if path.is_file())
        known = " ".join(filter(None, [said, *last])) or KILLED
        return self.problems() or [f"{known}: see {see or 'what is printed above'}"]

    def state(self, now: float) -> tuple[str, float, float | None]:
        """What it does in a line, the seconds that it has run, and those that it takes in all by
        the share of it that is done."""
        doing, ran = "".join(CLOCK.sub("", line) for line in self.lines()[-1:]), now - self.begun
        share = SHARE.search(doing)
        done, total = map(int, share.groups()) if share else (0, 0)
        row = f"{self.message}  {duration(ran)}{doing and ': '}{doing}"
        return row, ran, ran * total / done if done else None


class RunDisplay(logging.Handler):
    """A handler of Snakemake's logger.

    Until `end` it shows the jobs: on a terminal the running ones, below what is printed, and
    elsewhere line by line. Why the run failed is printed when Snakemake closes its log.
    """

    def __init__(self, stream: TextIO, usual: logging.Handler | None) -> None:
        """
        Args:
            usual: Snakemake's handler for this stream, which it takes the place of; it gets the
                warnings and errors. None to show nothing but why the run failed.
        """
        super().__init__()
        self._guard: Any = self.lock
        self._stream, self._usual = stream, usual
        self._on_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._shows, self._last_line = False, 0.0
        self._progress = RunProgress({})
        self._running: dict[int, _Job] = {}
        # Why jobs failed, by their number, and why the run did.
        self._reasons: dict[int | None, list[str]] = {}

    def begin(self, headline: str, progress: RunProgress) -> None:
        """Show the jobs from now on, below a line on what the run is going to do."""
        if self._usual is not None:
            with self._guard:
                self._progress, self._shows = progress, True
                self._print("; ".join(filter(None, [headline, progress.time_left({})])))
            threading.Thread(target=self._tick, args=(progress,), daemon=True).start()

    def end(self, succeeded: bool) -> None:
        """Stop showing jobs, pass on all further records, and forget what failed on the way to
        success."""
        with self._guard:
            self._erase()
            self._shows = False
            if succeeded:
                self._reasons.clear()

    def close(self) -> None:
        """Say why the run failed: Snakemake prints nothing after this."""
        self.end(succeeded=False)
        lines = list(dict.fromkeys(line for told in self._reasons.values() for line in told))
        for line in lines[:MOST_LINES]:
            print(f"{ERROR}{line}", file=self._stream, flush=True)
        self._reasons.clear()
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a record says, or pass it on; an error in that stops no run."""
        try:
            told = self._note(str(getattr(record, "event", None)), record, vars(record))
            detail = self._shows and record.levelno <= logging.INFO
            if self._usual and not told and (not detail or record.getMessage().startswith(ANSWERS)):
                self._erase()
                self._usual.handle(record)
            self._refresh(record.created)
        except Exception:
            self.handleError(record)

    def _note(self, event: str, record: logging.LogRecord, fields: Mapping[str, Any]) -> bool:
        """Note what a record says of jobs, or why the run stops; whether that is shown here."""
        match event:
            case "workflow_started":
                self._shows = self._usual is not None
            case "job_info":
                self._begin_job(fields)
            case "job_finished":
                if job := self._running.pop(fields["job_id"], None):
                    took = record.created - job.begun
                    self._progress.end(fields["job_id"], took)
                    if not self._on_terminal or took >= LONG:
                        self._print(f"{self._progress.count} {job.message}  {duration(took)}")
            case "job_error":
                self._fail([fields["jobid"]], fields["log"], fields["rule_msg"], record.created)
                return self._shows
            case "group_error":
                # Each of its jobs is reported once more.
                numbers = [info["jobid"] for info in fields["job_error_info"]]
                self._fail(numbers, fields["aux_logs"], None, record.created)
                return self._shows
            case "error":
                return self._stop(record.getMessage())
        return False

    def _begin_job(self, fields: Mapping[str, Any]) -> None:
        number = fields["jobid"]
        # If it is tried again, what it said before is not the end of it.
        self._reasons.pop(number, None)
        planned = self._progress.due.get(number)
        # Targets are no jobs to a reader.
        if planned or not self._shows:
            logs = [Path(path) for path in fields["log"]]
            job = _Job(fields["rule_msg"] or fields["rule_name"], logs, fields["created"])
            self._running[number] = job
        if planned:
            self._progress.left.add(number)
            if not self._on_terminal and SHORT not in planned.likenesses:
                self._print(f"{self._progress.count} {job.message} begins")

    def _fail(
        self, numbers: Iterable[int], logs: Sequence[str | None], said: str | None, now: float
    ) -> None:
        """Note why jobs have failed, several if a scheduler has run them as one.

        Args:
            said: what the executor says, followed by the command that it ran, indented.
        """
        jobs = {number: job for number in numbers if (job := self._running.pop(number, None))}
        words = in_a_line(re.split(r"\n(?= )", said or "")[0])
        # Of several, those that say so.
        failed = {number: job for number, job in jobs.items() if job.problems()} or jobs
        for number, job in failed.items():
            others = [Path(path) for path in logs if path and Path(path) not in job.logs]
            reasons = job.reasons(others, words)
            self._reasons[number] = [in_a_line(f"{job.message}: {line}") for line in reasons]
            self._print(f"failed: {job.message}, after {duration(now - job.begun)}")
            self._print(*(f"  {line}" for line in reasons[:MOST_LINES]))
        self._progress.left.difference_update(jobs)

    def _stop(self, message: str) -> bool:
        """Note what an error of Snakemake says, in a line; whether it says only that a job failed,
        which is told elsewhere."""
        of_job = any(words in message for words in OF_JOBS)
        # Advice to those who write rules is left out.
        message = message.partition(" (if you use input functions ")[0]
        if not of_job and STACK not in message:
            self._reasons.setdefault(None, []).append(in_a_line(message))
        return of_job

    def _tick(self, progress: RunProgress) -> None:
        while self._shows and self._progress is progress:
            time.sleep(1.0)
            # The terminal may have been closed.
            with self._guard, suppress(OSError):
                self._refresh(time.time())

    def _refresh(self, now: float) -> None:
        """Show what is running: on a terminal anew, elsewhere after a while without a line.

        On a terminal the cursor stays on an empty line above, where other processes print.
        """
        soon = now - self._last_line < HEARTBEAT and not self._on_terminal
        if not self._shows or not self._running or soon:
            return
        states = {number: job.state(now) for number, job in self._running.items()}
        left = self._progress.time_left({number: of[1:] for number, of in states.items()})
        rows = [row for row, _, _ in states.values()][:MOST_RUNNING]
        head = f"{self._progress.count} {len(states)} running{f', {left} left' if left else ''}"
        if not self._on_terminal:
            self._print(f"{head}: {'; '.join(rows)}")
            return
        # Some terminals report no width.
        columns = (os.get_terminal_size(self._stream.fileno()).columns or 80) - 1
        lines = "\n".join(["", head, *(f"  {row}"[:columns] for row in rows)])
        print(f"{ERASE}{lines}\r\x1b[{len(rows) + 1}A", end="", file=self._stream, flush=True)

    def _print(self, *lines: str) -> None:
        if self._shows:
            self._last_line = time.time()
            self._erase()
            print(*lines, sep="\n", file=self._stream, flush=True)

    def _erase(self) -> None:
        if self._on_terminal and self._shows:
            print(ERASE, end="", file=self._stream, flush=True)


def last_lines(path: Path, since: float = 0.0) -> list[str]:
    """The lines at the end of a log; none if it is missing, or that of an earlier run."""
    # It may be removed at any moment.
    with suppress(OSError), path.open("rb") as stream:
        if path.stat().st_mtime >= since:
            stream.seek(max(0, path.stat().st_size - END_OF_LOG))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
            return [line.rstrip() for line in lines if line.strip()]
    return []


def in_a_line(text: str) -> str:
    """A text in one line, not longer than anybody reads."""
    return textwrap.shorten(text, MOST_CHARACTERS, placeholder="...")
