"""What a run shows of Snakemake's records, line by line and on a terminal."""

import contextlib
import fcntl
import io
import logging
import os
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ecslm.reports.run_display import RunDisplay, duration
from ecslm.reports.run_progress import JobKey, PlannedJob

ROWS, COLUMNS = 24, 100
TRAIN = JobKey.of("train_adapter", {"model": "Small-EC", "seed": "0"})
SCORE = JobKey.of("score", {"model": "Small", "seed": "0", "task": "PM"})
PLANNED = {
    TRAIN: PlannedJob(100.0, (("train_adapter",),), {"gpu": 1.0}),
    SCORE: PlannedJob(2.0, (("score",),), {"_cores": 0.5}),
}
MESSAGES = {TRAIN: "Adapter Small-EC, seed 0", SCORE: "Score of Small, seed 0, PM"}
NUMBERS = {TRAIN: 7, SCORE: 8}
# As Snakemake reports a command that failed, before it reports the job.
COMMAND_FAILED = (
    'RuleException:\nCalledProcessError in file "rules/metrics.smk", line 40:\n'
    "Command 'set -euo pipefail;  python scripts/score.py' returned non-zero exit status 1."
)


@dataclass
class Snakemake:
    """Gives a handler the records that Snakemake gives its own."""

    handler: RunDisplay
    start: float = field(default_factory=time.time)

    def says(
        self, text: str | None, level: int = logging.INFO, at: float = 0.0, **more: Any
    ) -> None:
        record = logging.LogRecord("snakemake.logging", level, "", 0, text, (), None)
        record.created = self.start + at
        vars(record).update(more)
        self.handler.handle(record)

    def prepares(self) -> None:
        self.says("Workflow has started!", event="workflow_started")
        self.says("Building DAG of jobs...")
        self.says("Provided cores: 2", event="resources_info")
        self.says("Job stats:\njob   count", event="run_info")

    def begins(self, job: JobKey, log: Path, at: float = 0.0) -> None:
        self.says("Select jobs to execute...", at=at)
        self.says("Execute 1 jobs...", at=at, event="job_started", jobs=[NUMBERS[job]])
        self.says(
            f" Rule: {job.rule}",
            at=at,
            event="job_info",
            jobid=NUMBERS[job],
            rule_name=job.rule,
            rule_msg=MESSAGES[job],
            wildcards=dict(job.wildcards),
            log=[str(log)],
            reason="Missing output files: " + "x.json, " * 200,
        )
        self.says("Shell command: python", at=at, event="shellcmd", shellcmd="python")

    def ends(self, job: JobKey, at: float) -> None:
        self.says("Finished", at=at, event="job_finished", job_id=NUMBERS[job])
        self.says(None, at=at, event="progress", done=1, total=2)

    def fails(
        self, job: JobKey, at: float, message: str | None = None, logs: Sequence[str | None] = ()
    ) -> None:
        self.says(COMMAND_FAILED, logging.ERROR, at, event="error", exception="RuleException")
        self.says_error(job, at, message, logs)
        self.says("Removing output files of failed job", at=at)

    def says_error(
        self, job: JobKey, at: float, message: str | None = None, logs: Sequence[str | None] = ()
    ) -> None:
        more = {"jobid": NUMBERS[job], "rule_msg": message, "log": logs}
        self.says("Error", logging.ERROR, at, event="job_error", **more)

    def fails_together(self, jobs: Sequence[JobKey], at: float, log: Path) -> None:
        """As for jobs that a scheduler ran as one: of each it says once more that it failed."""
        errors = [{"jobid": NUMBERS[job]} for job in jobs]
        more = {"groupid": "both", "aux_logs": [str(log)], "job_error_info": errors}
        self.says("Error in group", logging.ERROR, at, event="group_error", **more)
        for job in jobs:
            self.says_error(job, at)


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def run(printed: io.StringIO) -> Iterator[Snakemake]:
    """A run whose output goes to a file."""
    display = RunDisplay(logging.StreamHandler(printed), ["Nothing to be done"])
    yield Snakemake(display)
    display.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "job.log"
    path.write_text("")
    return path


def test_a_line_is_printed_for_each_job_that_is_done(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    run.prepares()
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(TRAIN, log)
    run.begins(SCORE, log, at=1)
    run.ends(SCORE, at=3)
    run.ends(TRAIN, at=92)
    assert printed.getvalue().splitlines() == [
        "Study shop: 2 jobs",
        "[1/2] Score of Small, seed 0, PM  2 s",
        "[2/2] Adapter Small-EC, seed 0  1 min 32 s",
    ]


def test_a_long_time_without_a_line_is_explained(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(TRAIN, log)
    log.write_text("10:00:00 step 1 of 30: loss 2.0\n10:00:20 step 3 of 30: loss 1.5\n")
    os.utime(log, (run.start + 1, run.start + 1))
    run.says("Finished", at=90, event="job_finished", job_id=99)
    assert len(printed.getvalue().splitlines()) == 1
    run.says("Finished", at=150, event="job_finished", job_id=99)
    line = printed.getvalue().splitlines()[1]
    assert line.startswith("[0/2] running, about 2 s left: Adapter Small-EC, seed 0  2 min 30 s")
    assert line.endswith(" of about 1 min 40 s |█         | step 3 of 30: loss 1.5")


def test_a_job_that_failed_says_where_its_log_is_and_how_it_ends(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    run.prepares()
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    log.write_text("".join(f"line {number}\n" for number in range(2000)) + "error: bad row\n")
    run.fails(SCORE, at=4)
    run.says("Exiting because a job execution failed.", logging.ERROR)
    assert printed.getvalue().splitlines() == [
        "Study shop: 2 jobs",
        "",
        "failed: Score of Small, seed 0, PM, after 4 s",
        f"  {log} ends with",
        *(f"    line {number}" for number in range(1991, 2000)),
        "    error: bad row",
        "",
        "Exiting because a job execution failed.",
    ]


@pytest.mark.parametrize("content", ["", None])
def test_an_empty_log_is_named_too(
    run: Snakemake, printed: io.StringIO, log: Path, content: str | None
) -> None:
    if content is None:
        log.unlink()
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.fails(SCORE, at=4)
    assert f"  {log} is empty\n" in printed.getvalue()


def test_a_log_that_an_earlier_run_has_written_is_not_shown(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    log.write_text("error: of yesterday\n")
    os.utime(log, (0, 0))
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.fails(SCORE, at=4)
    assert f"  {log} is of an earlier run\n" in printed.getvalue()
    assert "yesterday" not in printed.getvalue()


# In the middle of much else, as Snakemake's own output in the log of a scheduler's job.
SCHEDULERS_LOG = """\
Select jobs to execute...
error: bad row
Error in rule score:
    message: None
    log: {log} (check log file(s) for error details)
Exiting because a job execution failed. Look above for error messages
{speaker}: error: *** JOB 5 ON node CANCELLED AT 2026-11-26T20:53:18 DUE TO TIME LIMIT ***
error: bad row
"""
SPEAKERS = ("slurmstepd", "slurmstepd-node")


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_job_that_a_scheduler_failed_says_what_that_says(
    speaker: str, run: Snakemake, printed: io.StringIO, log: Path, tmp_path: Path
) -> None:
    schedulers = tmp_path / "5.log"
    schedulers.write_text(SCHEDULERS_LOG.format(log=log, speaker=speaker))
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    message = "SLURM sbatch failed: no such\npartition\n    sbatch call:\n        sbatch --wrap=..."
    run.fails(SCORE, 4, message, [str(log), str(schedulers), None])
    assert printed.getvalue().splitlines()[1:] == [
        "",
        "failed: Score of Small, seed 0, PM, after 4 s",
        "  SLURM sbatch failed: no such",
        "  partition",
        "  `make check PROFILE=slurm` says what the cluster offers and the jobs ask for",
        f"  {log} is empty",
        f"  {schedulers} says",
        "    error: bad row",
        f"    {speaker}: error: *** JOB 5 ON node CANCELLED AT 2026-11-26T20:53:18 DUE TO TIME "
        "LIMIT ***",
        "",
    ]


@pytest.mark.parametrize(
    ("status", "setting"), (("TIMEOUT", "runtime"), ("OUT_OF_MEMORY", "mem_mb"), ("FAILED", None))
)
def test_a_job_that_wanted_more_than_it_asked_for_says_what_to_set(
    run: Snakemake, printed: io.StringIO, log: Path, status: str, setting: str | None
) -> None:
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.fails(SCORE, 4, f"SLURM-job '5' failed, SLURM status is: '{status}'. Reason: Unknown.")
    assert re.findall("set its rule's `(.*?)` in the profile", printed.getvalue()) == (
        [setting] if setting else []
    )


def test_of_jobs_that_a_scheduler_ran_as_one_those_are_named_that_failed(
    run: Snakemake, printed: io.StringIO, log: Path, tmp_path: Path
) -> None:
    other, schedulers = tmp_path / "job.log.2", tmp_path / "5.log"
    schedulers.write_text(SCHEDULERS_LOG.format(log=log, speaker="slurmstepd"))
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.begins(TRAIN, other)
    run.fails_together([TRAIN, SCORE], 4, schedulers)
    text = printed.getvalue()
    assert text.count("failed: ") == 1
    assert "\nfailed: Score of Small, seed 0, PM, after 4 s\n" in text
    assert "    error: bad row\n" in text
    assert text.endswith("  and with it 1 more of the same group\n\n")
    # Both are begun again.
    run.begins(TRAIN, other, at=5)
    run.fails(TRAIN, at=9)
    assert "failed: Adapter Small-EC, seed 0, after 4 s" in printed.getvalue()


def test_of_jobs_that_ran_as_one_all_are_named_where_nobody_says_which_failed(
    run: Snakemake, printed: io.StringIO, log: Path, tmp_path: Path
) -> None:
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.begins(TRAIN, tmp_path / "other.log")
    run.fails_together([TRAIN, SCORE], 4, tmp_path / "gone.log")
    text = printed.getvalue()
    assert "failed: Adapter Small-EC, seed 0; Score of Small, seed 0, PM, after 4 s" in text
    assert f"  {tmp_path}/gone.log is empty\n" in text


def test_a_job_that_failed_and_is_started_again_counts_once(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    run.fails(SCORE, at=4)
    run.begins(SCORE, log, at=5)
    run.ends(SCORE, at=8)
    assert printed.getvalue().endswith("\n[1/2] Score of Small, seed 0, PM  3 s\n")


def test_warnings_and_errors_that_are_of_no_job_are_passed_on(
    run: Snakemake, printed: io.StringIO, log: Path
) -> None:
    run.prepares()
    run.says("the clock is wrong", logging.WARNING)
    run.handler.begin("Study shop: 2 jobs", PLANNED)
    run.begins(SCORE, log)
    missing = "MissingOutputException in rule score:\nJob completed, but x.json is missing"
    run.says(missing, logging.ERROR, event="error", exception="MissingOutputException")
    run.says("Error", logging.ERROR, event="job_error", jobid=99, rule_msg=None, log=[])
    assert printed.getvalue().splitlines() == [
        "the clock is wrong",
        "Study shop: 2 jobs",
        *missing.splitlines(),
        "Error",
    ]


def test_what_runs_nothing_or_has_ended_is_not_abridged(
    run: Snakemake, printed: io.StringIO
) -> None:
    run.says("Building DAG of jobs...")
    run.prepares()
    run.says("Nothing to be done")
    run.handler.begin("Study shop: 0 jobs", {})
    run.handler.end()
    run.says("Complete log(s): a.log")
    assert printed.getvalue().splitlines() == [
        "Building DAG of jobs...",
        "Nothing to be done",
        "Study shop: 0 jobs",
        "Complete log(s): a.log",
    ]


def test_a_target_is_no_job(run: Snakemake, printed: io.StringIO, log: Path) -> None:
    run.handler.begin("Study shop: 1 job", {TRAIN: PLANNED[TRAIN]})
    run.begins(SCORE, log)
    run.ends(SCORE, at=1)
    assert printed.getvalue() == "Study shop: 1 job\n"


class Terminal:
    """A pseudo-terminal, and what it shows: no more than a bar's control sequences."""

    def __init__(self) -> None:
        self._main, other = os.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.stream = os.fdopen(other, "w")
        self._written = b""
        # It must read, or who writes would wait.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # At the end of all who write, the kernel reports an error.
        with contextlib.suppress(OSError):
            while part := os.read(self._main, 1000):
                self._written += part

    def close(self) -> None:
        self.stream.close()
        self._reader.join(timeout=10)
        os.close(self._main)

    def screen(self) -> list[str]:
        """The lines down to the last one that is not empty."""
        mark = "\x00"
        print(mark, end="", file=self.stream, flush=True)
        while not (written := self._written.decode(errors="replace")).endswith(mark):
            time.sleep(0.001)
        written = written.replace(mark, "")
        lines, row, column = [""], 0, 0
        for part in re.findall(r"\x1b\[A|\r|\n|[^\r\n\x1b]+", written):
            if part == "\x1b[A":
                row -= 1
            elif part == "\r":
                column = 0
            elif part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            else:
                line = lines[row].ljust(column)
                lines[row] = line[:column] + part + line[column + len(part) :]
                column += len(part)
        return "\n".join(line.rstrip() for line in lines).rstrip().split("\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    made = Terminal()
    yield made
    made.close()


@pytest.fixture
def shown(terminal: Terminal) -> Iterator[Snakemake]:
    """A run on a terminal."""
    display = RunDisplay(logging.StreamHandler(terminal.stream))
    yield Snakemake(display)
    display.close()


def test_a_terminal_shows_a_bar_the_time_left_and_what_is_running(
    shown: Snakemake, terminal: Terminal, log: Path
) -> None:
    shown.prepares()
    shown.handler.begin("Study shop: 2 jobs", PLANNED)
    shown.begins(TRAIN, log)
    shown.begins(SCORE, log.with_name("none.log"))
    log.write_text("10:00:00 step 15 of 30: loss 1.5\n")
    os.utime(log, (shown.start + 1, shown.start + 1))
    shown.ends(SCORE, at=2)
    head, bar, row = terminal.screen()
    assert head == "Study shop: 2 jobs"
    assert re.fullmatch(r" 50% \|█+ +\| 1/2 jobs, about 1 min 38 s left", bar)
    assert len(bar) == COLUMNS - 1
    assert row == (
        "  Adapter Small-EC, seed 0  2 s of about 1 min 40 s |█████     | step 15 of 30: loss 1.5"
    )


def test_jobs_that_took_long_leave_a_line_and_bars_leave_none(
    shown: Snakemake, terminal: Terminal, log: Path
) -> None:
    shown.handler.begin("Study shop: 2 jobs", PLANNED)
    shown.begins(TRAIN, log)
    shown.begins(SCORE, log)
    shown.ends(SCORE, at=2)
    shown.ends(TRAIN, at=92)
    shown.handler.end()
    shown.says("Complete log(s): a.log")
    assert terminal.screen() == [
        "Study shop: 2 jobs",
        "[2/2] Adapter Small-EC, seed 0  1 min 32 s",
        "Complete log(s): a.log",
    ]


def test_what_jobs_write_to_stderr_stands_above_the_bar(
    shown: Snakemake, terminal: Terminal, log: Path
) -> None:
    shown.handler.begin("Study shop: 2 jobs", PLANNED)
    shown.begins(SCORE, log)
    # The shell of a job has the stderr of this process.
    subprocess.run("printf ' 1%%\\r 99%%\\rerror: a.json: bad\\n' >&2", shell=True, check=True)
    shown.fails(SCORE, at=1)
    subprocess.run("printf 'no end of line' >&2", shell=True, check=True)
    shown.handler.end()
    assert terminal.screen() == [
        "Study shop: 2 jobs",
        "error: a.json: bad",
        "",
        "failed: Score of Small, seed 0, PM, after 1 s",
        f"  {log} is empty"[:COLUMNS],
        "",
        "no end of line",
    ]


def test_stderr_is_given_back_however_a_run_ends(
    shown: Snakemake, capfd: pytest.CaptureFixture[str]
) -> None:
    shown.handler.begin("Study shop: 2 jobs", PLANNED)
    shown.handler.close()
    subprocess.run("echo here >&2", shell=True, check=True)
    assert capfd.readouterr().err == "here\n"


def test_no_more_jobs_are_shown_than_can_be_read(
    shown: Snakemake, terminal: Terminal, log: Path
) -> None:
    jobs = [JobKey.of("score", {"task": str(number)}) for number in range(9)]
    shown.handler.begin("Study shop: 9 jobs", {job: PlannedJob() for job in jobs})
    for number, job in enumerate(jobs):
        NUMBERS[job], MESSAGES[job] = 100 + number, f"Score of {number} " + "and more " * 20
        shown.begins(job, log)
    head, _, *rows = terminal.screen()
    assert head == "Study shop: 9 jobs"
    assert [row[:12] for row in rows[:6]] == [f"  Score of {number}" for number in range(6)]
    assert rows[6:] == ["  and 3 more"]
    assert max(map(len, rows)) < COLUMNS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (400, "6 min 40 s"), (7500, "2 h 5 min")],
)
def test_a_duration_is_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
