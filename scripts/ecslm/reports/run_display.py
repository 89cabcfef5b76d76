"""The display of a Snakemake run: a bar with the running jobs, or a line per job; details are in
logs.

It takes the records of Snakemake's logger and knows them by the names of their fields alone.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from ecslm.reports.caught_stderr import CaughtStderr
from ecslm.reports.job_logs import ends, executor_says, failed_in, last_lines, reasons
from ecslm.reports.run_progress import JobKey, PlannedJob, RunProgress

# Jobs that took longer leave a line on a terminal.
LONG = 10.0
# Elsewhere a line says what is running after as many seconds without one.
SECONDS_WITHOUT_A_LINE = 120.0
WIDTH = 80
MOST_RUNNING = 6
# What the bar of a run looks like; `postfix` is the time left.
BAR = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} jobs{postfix}"
CLOCK = re.compile(r"^\d\d:\d\d:\d\d ")
AMOUNT = re.compile(r"\b(\d+) of (\d+)\b")


@dataclass
class _Shown:
    """A job that is running."""

    key: JobKey
    message: str
    log: tuple[Path, ...]
    begun: float


class RunDisplay(logging.Handler):
    """Takes the place of the handler by which Snakemake writes to stderr.

    Between the start of the run and its end it shows the jobs, and passes on warnings and errors.
    Before that and after it everything is passed on.
    """

    def __init__(self, usual: "logging.StreamHandler[TextIO]", answers: Sequence[str] = ()) -> None:
        """
        Args:
            usual: Snakemake's handler.
            answers: messages that are passed on though they are neither warnings nor errors.
        """
        super().__init__()
        self._usual = usual
        self._answers = frozenset(answers)
        self._started = False
        self._run: _RunOnScreen | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or pass it on; an error in that stops no run."""
        try:
            self._emit(record)
        except Exception:
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        event = str(getattr(record, "event", None))
        if event == "workflow_started":
            self._started = True
        if self._run is not None and self._run.takes(event, record):
            return
        detail = self._started and record.levelno <= logging.INFO
        if not detail or record.getMessage() in self._answers:
            with self._run.apart() if self._run else nullcontext():
                self._usual.handle(record)

    def begin(self, headline: str, planned: Mapping[JobKey, PlannedJob]) -> None:
        """Show the jobs from now on.

        Args:
            headline: what the run is going to do, in a line.
            planned: all jobs of the run.
        """
        with self._locked():
            print(headline, file=self._usual.stream, flush=True)
            self._started = True
            self._run = _RunOnScreen(self._usual, RunProgress(planned))
        threading.Thread(target=self._tick, args=(self._run,), daemon=True).start()

    def end(self) -> None:
        """Stop showing jobs; pass on all further records."""
        with self._locked():
            if self._run is not None:
                self._run.close()
            self._run, self._started = None, False

    def close(self) -> None:
        """Leave the terminal as it was, however the run has ended."""
        self.end()
        super().close()

    def _tick(self, run: "_RunOnScreen") -> None:
        while True:
            time.sleep(1.0)
            # The terminal may have been closed.
            with self._locked(), suppress(OSError):
                if self._run is not run:
                    return
                run.refresh(time.time())

    def _locked(self) -> AbstractContextManager[Any]:
        assert self.lock is not None, "made by Handler"
        return self.lock


class _RunOnScreen:
    """The jobs of a run that goes on, on a terminal or line by line."""

    def __init__(self, usual: "logging.StreamHandler[TextIO]", progress: RunProgress) -> None:
        self._usual = usual
        self._stream = usual.stream
        self._progress = progress
        # By the numbers that Snakemake gives them.
        self._running: dict[int, _Shown] = {}
        # Those that failed with others of a group, which was said of all at once.
        self._failed_in_groups: set[int] = set()
        self._last_line = time.time()
        self._caught: CaughtStderr | None = None
        self._screen: _Screen | None = None
        if self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._caught = CaughtStderr(self._stream)
            usual.setStream(self._caught.terminal)
            self._screen = _Screen(self._caught.terminal)

    def takes(self, event: str, record: logging.LogRecord) -> bool:
        """Show what a record says of a job; returns whether that is all that it says."""
        fields = vars(record)
        if event == "job_info":
            self._begin(fields)
        elif event == "job_finished":
            self._end(fields)
        elif event == "job_error":
            return fields["jobid"] in self._failed_in_groups or self._fail(fields)
        elif event == "group_error":
            return self._fail_group(fields)
        elif event == "error":
            # That a command failed is said by the `job_error` that follows.
            return "\nCalledProcessError in " in record.getMessage()
        else:
            return False
        self.refresh(record.created)
        return True

    def apart(self) -> AbstractContextManager[Any]:
        """What is written in this context does not run into bars."""
        return self._screen.apart() if self._screen else nullcontext()

    def refresh(self, now: float) -> None:
        """Show what other processes say, what is running and how much time is left."""
        if self._caught:
            self._print(*self._caught.lines())
        if self._screen:
            self._screen.show(self._progress, self._time_left(now), self._rows(now))
        elif self._running and now - self._last_line >= SECONDS_WITHOUT_A_LINE:
            left = ", ".join(filter(None, ("running", self._time_left(now))))
            running = "; ".join(map(str.strip, self._rows(now)))
            self._print(f"[{self._count()}] {left}: {running}")

    def close(self) -> None:
        """Clear the bars and give stderr back."""
        if self._screen:
            self._screen.close()
        if self._caught:
            self._usual.setStream(self._stream)
            for line in self._caught.close():
                print(line, file=self._stream, flush=True)

    def _begin(self, fields: Mapping[str, Any]) -> None:
        key = JobKey.of(fields["rule_name"], fields["wildcards"])
        # Targets are not jobs to a reader.
        if key in self._progress:
            self._progress.begin(key, fields["created"])
            message = fields["rule_msg"] or fields["rule_name"]
            logs = tuple(map(Path, fields["log"]))
            self._failed_in_groups.discard(fields["jobid"])
            self._running[fields["jobid"]] = _Shown(key, message, logs, fields["created"])

    def _end(self, fields: Mapping[str, Any]) -> None:
        if job := self._running.pop(fields["job_id"], None):
            seconds = self._progress.end(job.key, fields["created"])
            if not self._screen or seconds >= LONG:
                self._print(f"[{self._count()}] {job.message}  {duration(seconds)}")

    def _fail(self, fields: Mapping[str, Any]) -> bool:
        job = self._running.pop(fields["jobid"], None)
        if job is None:
            return False
        seconds = self._progress.fail(job.key, fields["created"])
        self.refresh(fields["created"])
        others = [path for path in _paths(fields["log"]) if path not in job.log]
        self._print(
            "",
            f"failed: {job.message}, after {duration(seconds)}",
            *(f"  {line}" for line in executor_says(fields["rule_msg"])),
            *ends(job.log, job.begun),
            *reasons(others),
            "",
        )
        return True

    def _fail_group(self, fields: Mapping[str, Any]) -> bool:
        """Jobs that a scheduler has run as one, one of which failed."""
        numbers = [info["jobid"] for info in fields["job_error_info"]]
        jobs = [job for number in numbers if (job := self._running.pop(number, None))]
        if not jobs:
            return False
        self._failed_in_groups.update(numbers)
        seconds = max(self._progress.fail(job.key, fields["created"]) for job in jobs)
        self.refresh(fields["created"])
        logs = _paths(fields["aux_logs"])
        failed = [job for job in jobs if failed_in(logs, job.log)] or jobs
        messages = "; ".join(job.message for job in failed)
        beside = len(jobs) - len(failed)
        self._print(
            "",
            f"failed: {messages}, after {duration(seconds)}",
            *(line for job in failed for line in ends(job.log, job.begun)),
            *reasons(logs),
            *([f"  and with it {beside} more of the same group"] if beside else []),
            "",
        )
        return True

    def _rows(self, now: float) -> list[str]:
        """A line for each job that is running, the first to have begun first."""
        shown = list(self._running.values())
        rows = [self._row(job, now) for job in shown[:MOST_RUNNING]]
        more = len(shown) - MOST_RUNNING
        return rows + ([f"  and {more} more"] if more > 0 else [])

    def _row(self, job: _Shown, now: float) -> str:
        passed = duration(now - job.begun)
        expected = self._progress.expected(job.key)
        usual = f" of about {duration(expected)}" if expected and expected >= LONG else ""
        return f"  {job.message}  {passed}{usual}{_news(job)}"

    def _time_left(self, now: float) -> str:
        left = self._progress.time_left(now)
        if left is None:
            return ""
        return f"{'more than' if left.at_least else 'about'} {duration(left.seconds)} left"

    def _count(self) -> str:
        total = str(self._progress.total)
        return f"{self._progress.done:>{len(total)}}/{total}"

    def _print(self, *lines: str) -> None:
        if lines:
            self._last_line = time.time()
            with self.apart():
                print(*lines, sep="\n", file=self._usual.stream, flush=True)


class _Screen:
    """Lines at the bottom of a terminal that are written over: a bar, and a line for each job."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lines: list[Any] = []

    def apart(self) -> AbstractContextManager[Any]:
        """What is written in this context stands above the lines."""
        return tqdm.external_write_mode(file=self._terminal)

    def show(self, progress: RunProgress, time_left: str, rows: Sequence[str]) -> None:
        """Write over the lines."""
        # Some terminals report no width.
        columns = (os.get_terminal_size(self._terminal.fileno()).columns or WIDTH) - 1
        bar = tqdm.format_meter(
            progress.done, progress.total, 0.0, ncols=columns, bar_format=BAR, postfix=time_left
        )
        texts = [bar, *(row[:columns] for row in rows)]
        while len(self._lines) > len(texts):
            self._lines.pop().close()
        while len(self._lines) < len(texts):
            position = len(self._lines)
            line = tqdm(
                file=self._terminal, bar_format="{desc}", position=position, leave=False, total=0
            )
            self._lines.append(line)
        for line, text in zip(self._lines, texts, strict=True):
            line.set_description_str(text)

    def close(self) -> None:
        """Clear the lines."""
        while self._lines:
            self._lines.pop().close()


def duration(seconds: float) -> str:
    """Seconds in words, for example `14 s`, `6 min 40 s` and `2 h 5 min`."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _news(job: _Shown) -> str:
    """The last line of a job's log, with a bar if it says how much is done."""
    lines = [line for path in job.log for line in last_lines(path, job.begun)]
    if not lines:
        return ""
    text = CLOCK.sub("", lines[-1])
    amount = AMOUNT.search(text)
    if not amount or not int(amount[2]):
        return f": {text}"
    bar = tqdm.format_meter(int(amount[1]), int(amount[2]), 0.0, bar_format="{bar:10}")
    return f" |{bar}| {text}"


def _paths(names: Sequence[str | None]) -> list[Path]:
    """The paths that are known."""
    return [Path(name) for name in names if name]
