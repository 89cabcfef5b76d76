"""The last lines of a run that failed: why, a line for each reason, after all else that is printed.

It takes the records of Snakemake's logger and knows them by the names of their fields alone.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TextIO

from ecslm.reports.job_logs import (
    executor_says,
    failed_in,
    last_lines,
    told_reasons,
    written_since,
)

BEGIN = "error: "
MOST_LINES = 20
MOST_CHARACTERS = 600
# Bytes below which a disk counts as full: no log says why its job failed.
FULL = 100_000
NO_SPACE = "no space left on device"
MAKE_ROOM = "make room, or move `results` to another disk and link it here"

NO_RULE = re.compile(r"^No rule to produce (.+) \(if you use input functions ", re.MULTILINE)
AFFECTED = re.compile(r"affected files:\n((?:\s+.+\n?)+)")
MANY_JOBS = "Target rules may not contain wildcards."
# What is said of it.
NAME_ONE = (
    "the target has many jobs: name a file that it makes, or take a target that is listed by "
    "`snakemake --list-target-rules`"
)
# Snakemake's errors that say nothing but that a job failed, of which its own record tells.
OF_JOBS = ("\nCalledProcessError in ", "At least one job did not complete successfully.")
# How a line of progress begins in the log of a job.
PROGRESS = re.compile(r"\d\d:\d\d:\d\d ")
KILLED = "it ended without saying why, as a killed job does: perhaps for lack of memory"
NOT_BEGUN = "it ended before it wrote a log"
# Words in errors of the workflow itself, which are printed in full for its authors.
STACK = '\n  File "'


@dataclass
class _Job:
    """A job that has begun."""

    message: str
    logs: tuple[Path, ...]
    begun: float


@dataclass
class _Said:
    """What has been said of failures: of jobs by their number, and of the run."""

    of_jobs: dict[int, list[str]] = field(default_factory=dict)
    of_run: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Each line once, those of jobs first."""
        return list(dict.fromkeys((*chain(*self.of_jobs.values()), *self.of_run)))


class LastWords(logging.Handler):
    """Notes why jobs fail and why Snakemake stops, and prints it when Snakemake closes its log."""

    def __init__(
        self,
        stream: TextIO,
        about_target: Callable[[str], str],
        free_space: Callable[[Path], int],
    ) -> None:
        """
        Args:
            about_target: says what is wrong with a target that nothing makes.
            free_space: bytes that are free on the disk of a file.
        """
        super().__init__()
        self._stream = stream
        self._about_target = about_target
        self._free_space = free_space
        self._jobs: dict[int, _Job] = {}
        self._said = _Said()

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a record says; what goes wrong in that stops no run."""
        try:
            self._note(str(getattr(record, "event", None)), record)
        except Exception:
            self.handleError(record)

    def forget(self) -> None:
        """The run has succeeded, whatever failed on the way."""
        self._said = _Said()

    def close(self) -> None:
        """Say it: Snakemake prints nothing after this."""
        said, self._said = self._said, _Said()
        lines = said.lines
        more = len(lines) - MOST_LINES
        lines = lines[:MOST_LINES] + ([f"and {more} more like these"] if more > 0 else [])
        for line in lines:
            print(f"{BEGIN}{line}", file=self._stream, flush=True)
        super().close()

    def _note(self, event: str, record: logging.LogRecord) -> None:
        fields = vars(record)
        if event == "job_info":
            # A job that is tried again: what it said before is not the end of it.
            self._said.of_jobs.pop(fields["jobid"], None)
            self._jobs[fields["jobid"]] = _Job(
                message=fields["rule_msg"] or fields["rule_name"],
                logs=tuple(map(Path, fields["log"])),
                begun=fields["created"],
            )
        elif event == "job_error":
            if job := self._jobs.pop(fields["jobid"], None):
                others = [Path(one) for one in fields["log"] if one and Path(one) not in job.logs]
                self._note_job(fields["jobid"], job, others, executor_says(fields["rule_msg"]))
        elif event == "group_error":
            numbers = [info["jobid"] for info in fields["job_error_info"]]
            jobs = {number: job for number in numbers if (job := self._jobs.pop(number, None))}
            logs = [Path(one) for one in fields["aux_logs"] if one]
            failed = [number for number, job in jobs.items() if failed_in(logs, job.logs)]
            for number in failed or list(jobs)[:1]:
                self._note_job(number, jobs[number], logs)
        elif event == "error":
            self._note_stop(record.getMessage())

    def _note_job(
        self, number: int, job: _Job, others: Sequence[Path], executor: Iterable[str] = ()
    ) -> None:
        """
        Args:
            others: logs of a scheduler.
            executor: what it says itself.
        """
        reasons = self._reasons(job, others, " ".join(executor))
        self._said.of_jobs[number] = [_cut(f"{job.message}: {line}") for line in reasons]

    def _reasons(self, job: _Job, others: Sequence[Path], executor: str) -> Sequence[str]:
        lines = [line for path in job.logs for line in last_lines(path, job.begun)]
        if told := [line.removeprefix(BEGIN) for line in lines if line.startswith(BEGIN)]:
            return told
        if executor:
            return [executor]
        if job.logs and self._free_space(job.logs[0]) < FULL:
            return [self._no_space(job)]
        told = [line.removeprefix(BEGIN) for path in others for line in told_reasons(path)]
        logs = (*(path for path in job.logs if written_since(path, job.begun)), *others)
        where = ", ".join(map(str, logs)) or "what is printed above"
        # What it did last is no reason.
        silent = not lines or PROGRESS.match(lines[-1])
        last = (told or ([KILLED if logs else NOT_BEGUN] if silent else lines))[-1]
        return [f"{last}: see {where}"]

    def _no_space(self, job: _Job) -> str:
        return f"{job.logs[0].parent}: {NO_SPACE}: {MAKE_ROOM}"

    def _note_stop(self, message: str) -> None:
        if found := NO_RULE.search(message):
            self._said.of_run.append(_cut(self._about_target(found[1])))
        elif MANY_JOBS in message:
            self._said.of_run.append(NAME_ONE)
        elif found := AFFECTED.search(message):
            for path in found[1].split("\n"):
                if path.strip():
                    self._said.of_run.append(
                        f"{path.strip()}: no such file, and nothing makes it: bring it back"
                    )
        elif STACK not in message and not any(words in message for words in OF_JOBS):
            self._said.of_run.append(_cut(message))


def _cut(text: str) -> str:
    """A text in one line, not longer than anybody reads."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."
