"""What a run prints in place of Snakemake's output: its jobs, and last of all why it failed.

It takes the records of Snakemake's logger and knows them by the names of their fields alone. All
details are in the logs of jobs and in Snakemake's own.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from ecslm.reports.run_progress import RunProgress, duration

# On a terminal, jobs that took longer leave a line.
LONG = 10.0
# Elsewhere a line says what is running after as many seconds without one.
HEARTBEAT = 60.0
# Of terminals that report none.
WIDTH = 80
MOST_RUNNING = 6
BAR = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} jobs{postfix}"
# Removes what follows the cursor.
ERASE = "\r\x1b[J"

# Lines, and characters of each, that say why a run failed.
MOST_LINES, MOST_CHARACTERS = 20, 600
# Bytes at the end of a log that are read. A scheduler's has all that Snakemake says there.
END_OF_LOG, END_OF_SCHEDULER_LOG = 4_000, 100_000
ERROR = "error: "
MAKE_ROOM = "make room, or move `results` to another disk and link it here"
# How a line of progress begins.
CLOCK = re.compile(r"^\d\d:\d\d:\d\d ")
# Lines of a scheduler's log that say why a job failed; some name their node, `slurmstepd-node`.
REASON = re.compile(
    r"^(error: .*|slurmstepd(-\S+)?: error: .*"
    r"|.*\b(No such file or directory|not found|Permission denied|Killed|out of memory)\b.*)$",
    re.IGNORECASE,
)
# What to do about messages of SLURM's executor.
FIXES = {
    "sbatch failed": "`make check PROFILE=slurm` says what the cluster offers and the jobs ask for",
    "'TIMEOUT'": "it ran out of time: set its rule's `runtime` in the profile, and run again: it "
    "continues from its last checkpoint",
    "'OUT_OF_MEMORY'": "it ran out of memory: set its rule's `mem_mb` in the profile",
}
KILLED = "it ended without saying why, as a killed job does: perhaps for lack of memory"
NOT_BEGUN = "it ended before it wrote a log"

# Errors of Snakemake.
NO_RULE = re.compile(r"^No rule to produce (.+) \(if you use input functions ", re.MULTILINE)
AFFECTED = re.compile(r"affected files:\n((?:\s+.+\n?)+)")
MANY_JOBS = "Target rules may not contain wildcards."
NAME_ONE = (
    "the target has many jobs: name a file that it makes, or take a target that is listed by "
    "`snakemake --list-target-rules`"
)
# Words in those that say only that a job failed, of which its own record tells more.
OF_JOBS = ("\nCalledProcessError in ", "At least one job did not complete successfully.")
# And in those of the workflow itself, which Snakemake prints with their stack.
STACK = '\n  File "'


@dataclass
class _Job:
    """A job that is running."""

    message: str
    logs: Sequence[Path]
    begun: float

    def written(self) -> list[Path]:
        """Its logs, if they are not those of an earlier run."""
        # One may be removed at any moment.
        with suppress(OSError):
            return [one for one in self.logs if one.stat().st_mtime >= self.begun]
        return []

    def lines(self) -> list[str]:
        """The last lines of its logs."""
        return [line for path in self.written() for line in last_lines(path)]

    def problems(self) -> list[str]:
        """What it says is wrong."""
        return [line.removeprefix(ERROR) for line in self.lines() if line.startswith(ERROR)]

    def reasons(self, others: Sequence[Path], said: Sequence[str]) -> list[str]:
        """Why it failed, a line for each reason.

        Args:
            others: logs of a scheduler.
            said: what the executor says.
        """
        if problems := self.problems():
            return problems
        schedulers = (line for path in others for line in last_lines(path, END_OF_SCHEDULER_LOG))
        lines = list(filter(REASON.match, schedulers)) or self.lines()
        # What it did last is no reason.
        last = [one.removeprefix(ERROR) for one in lines[-1:] if not CLOCK.match(one)]
        logs = [*self.written(), *filter(Path.is_file, others)]
        why = " ".join([*said, *last]) or (KILLED if logs else NOT_BEGUN)
        where = ", ".join(map(str, logs)) or ("" if said else "what is printed above")
        return [f"{why}: see {where}" if where else why]

    def row(self, now: float, expected: float | None) -> str:
        """How long it has been running, and what it does."""
        row = f"{self.message}  {duration(now - self.begun)}"
        if expected is not None and expected >= LONG:
            row += f" of about {duration(expected)}"
        return ": ".join([row, *(CLOCK.sub("", line) for line in self.lines()[-1:])])


class RunDisplay(logging.Handler):
    """A handler of Snakemake's logger.

    Between `begin` and `end` it shows the jobs: on a terminal as a bar and the running ones, below
    what is printed, and elsewhere line by line. Why the run failed is printed when Snakemake closes
    its log.
    """

    def __init__(
        self,
        stream: TextIO,
        about_target: Callable[[str], str],
        usual: logging.Handler | None,
        answers: Collection[str] = (),
    ) -> None:
        """
        Args:
            about_target: says what is wrong with a target that nothing makes.
            usual: Snakemake's handler for this stream, which it takes the place of; it gets the
                warnings and errors. None to show nothing but why the run failed.
            answers: messages that are passed on though they are neither warnings nor errors.
        """
        super().__init__()
        self._stream, self._about_target = stream, about_target
        self._usual, self._answers = usual, answers
        self._on_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._started = False
        self._progress: RunProgress | None = None
        self._running: dict[int, _Job] = {}
        # Why jobs failed, by their number, and why the run did.
        self._reasons: dict[int | None, list[str]] = {}
        self._last_line = 0.0

    def begin(self, headline: str, progress: RunProgress) -> None:
        """Show the jobs from now on, below a line on what the run is going to do."""
        if self._usual is None:
            return
        with self._locked():
            left = progress.time_left(time.time())
            self._print(f"{headline}; {left}" if left else headline)
            self._progress, self._started = progress, True
        threading.Thread(target=self._tick, args=(progress,), daemon=True).start()

    def end(self) -> None:
        """Stop showing jobs; pass on all further records."""
        with self._locked():
            self._erase()
            self._progress, self._started = None, False

    def forget(self) -> None:
        """The run has succeeded, whatever failed on the way."""
        self._reasons.clear()

    def close(self) -> None:
        """Say why the run failed: Snakemake prints nothing after this."""
        self.end()
        lines = list(dict.fromkeys(line for told in self._reasons.values() for line in told))
        more = len(lines) - MOST_LINES
        lines = lines[:MOST_LINES] + ([f"and {more} more like these"] if more > 0 else [])
        for line in lines:
            print(f"{ERROR}{line}", file=self._stream, flush=True)
        self.forget()
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a record says, or pass it on; an error in that stops no run."""
        try:
            taken = self._take(str(getattr(record, "event", None)), record)
            detail = self._started and record.levelno <= logging.INFO
            if self._usual and not taken and (not detail or record.getMessage() in self._answers):
                self._erase()
                self._usual.handle(record)
            self._refresh(record.created)
        except Exception:
            self.handleError(record)

    def _take(self, event: str, record: logging.LogRecord) -> bool:
        """Note what a record says of jobs, or why the run stops; whether that is shown here."""
        fields = vars(record)
        match event:
            case "workflow_started":
                self._started = True
            case "job_info":
                self._begin_job(fields)
            case "job_finished":
                self._end_job(fields["job_id"], record.created)
            case "job_error":
                self._fail([fields["jobid"]], fields["log"], fields["rule_msg"], record.created)
                return self._progress is not None
            case "group_error":
                # Each of its jobs is reported once more.
                numbers = [info["jobid"] for info in fields["job_error_info"]]
                self._fail(numbers, fields["aux_logs"], None, record.created)
                return self._progress is not None
            case "error":
                message = record.getMessage()
                self._reasons.setdefault(None, []).extend(self._why_stopped(message))
                return any(words in message for words in OF_JOBS)
        return False

    def _begin_job(self, fields: Mapping[str, Any]) -> None:
        number, message = fields["jobid"], fields["rule_msg"] or fields["rule_name"]
        # If it is tried again, what it said before is not the end of it.
        self._reasons.pop(number, None)
        # Targets are no jobs to a reader.
        if self._progress is None or number in self._progress:
            logs = [Path(path) for path in fields["log"]]
            self._running[number] = _Job(message, logs, fields["created"])
        if self._progress and number in self._progress:
            self._progress.begin(number, fields["created"])

    def _end_job(self, number: int, now: float) -> None:
        job = self._running.pop(number, None)
        if job and self._progress:
            self._progress.end(number, now)
            if not self._on_terminal or now - job.begun >= LONG:
                self._print(f"[{self._progress.count}] {job.message}  {duration(now - job.begun)}")

    def _fail(
        self, numbers: Iterable[int], logs: Iterable[str | None], said: str | None, now: float
    ) -> None:
        """Note why jobs have failed, several if a scheduler has run them as one.

        Args:
            said: what the executor says, followed by the command that it ran.
        """
        jobs = {number: job for number in numbers if (job := self._running.pop(number, None))}
        words = in_a_line(re.split(r"\n(?= )", said or "")[0])
        executor = [words, *(fix for part, fix in FIXES.items() if part in words)] if words else []
        # Of several, those that say so.
        failed = {number: job for number, job in jobs.items() if job.problems()} or jobs
        for number, job in failed.items():
            others = [Path(path) for path in logs if path and Path(path) not in job.logs]
            reasons = job.reasons(others, executor)
            self._reasons[number] = [in_a_line(f"{job.message}: {line}") for line in reasons]
            if self._progress:
                self._print(
                    f"failed: {job.message}, after {duration(now - job.begun)}",
                    *(f"  {line}" for line in reasons[:MOST_LINES]),
                )
        if self._progress:
            self._progress.fail(jobs)

    def _why_stopped(self, message: str) -> Iterable[str]:
        """What an error of Snakemake says, a line each; nothing of what is said elsewhere."""
        if found := NO_RULE.search(message):
            return [in_a_line(self._about_target(found[1]))]
        if MANY_JOBS in message:
            return [NAME_ONE]
        if found := AFFECTED.search(message):
            files = filter(None, map(str.strip, found[1].split("\n")))
            return [f"{path}: no such file, and nothing makes it: bring it back" for path in files]
        return [] if any(words in message for words in (*OF_JOBS, STACK)) else [in_a_line(message)]

    def _tick(self, progress: RunProgress) -> None:
        while True:
            time.sleep(1.0)
            # The terminal may have been closed.
            with self._locked(), suppress(OSError):
                if self._progress is not progress:
                    return
                self._refresh(time.time())

    def _refresh(self, now: float) -> None:
        """Show what is running: on a terminal anew, elsewhere after a while without a line."""
        if not self._progress:
            return
        left = self._progress.time_left(now)
        left = f", {left} left" if left else ""
        shown = list(self._running.items())[:MOST_RUNNING]
        rows = [job.row(now, self._progress.expected(number)) for number, job in shown]
        if len(self._running) > MOST_RUNNING:
            rows.append(f"and {len(self._running) - MOST_RUNNING} more")
        if self._on_terminal:
            self._draw(self._progress, left, rows)
        elif rows and now - self._last_line >= HEARTBEAT:
            self._print(f"[{self._progress.count}] running{left}: {'; '.join(rows)}")

    def _draw(self, progress: RunProgress, left: str, rows: Iterable[str]) -> None:
        """Draw a bar and rows below an empty line, on which the cursor stays: there other
        processes print."""
        columns = (os.get_terminal_size(self._stream.fileno()).columns or WIDTH) - 1
        bar = tqdm.format_meter(
            progress.done, progress.total, 0.0, ncols=columns, bar_format=BAR, postfix=left[2:]
        )
        lines = ["", bar, *(f"  {row}"[:columns] for row in rows)]
        back = f"\r\x1b[{len(lines) - 1}A"
        print(ERASE, "\n".join(lines), back, sep="", end="", file=self._stream, flush=True)

    def _print(self, *lines: str) -> None:
        self._last_line = time.time()
        self._erase()
        print(*lines, sep="\n", file=self._stream, flush=True)

    def _erase(self) -> None:
        if self._on_terminal and self._progress:
            print(ERASE, end="", file=self._stream, flush=True)

    def _locked(self) -> Any:
        assert self.lock is not None, "made by Handler"
        return self.lock


def last_lines(path: Path, size: int = END_OF_LOG) -> list[str]:
    """The lines at the end of a log, which may be missing.

    Args:
        size: bytes that are read.
    """
    try:
        with path.open("rb") as stream:
            length = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, length - size))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # The first one may be cut.
    return [line.rstrip() for line in lines[length > size :] if line.strip()]


def in_a_line(text: str) -> str:
    """A text in one line, not longer than anybody reads."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."
