"""What a run shows of Snakemake's records, line by line and on a terminal, and why it failed."""

import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ecslm.reports.run_display import ERASE, HEARTBEAT, RunDisplay
from ecslm.reports.run_progress import SHORT, PlannedJob, RunProgress

TRAIN, SCORE = 7, 8
PLANNED = {TRAIN: PlannedJob(100.0, shares={"gpu": 1.0}), SCORE: PlannedJob(2.0, (SHORT,))}
MESSAGES = {TRAIN: "Adapter Small-EC, seed 0", SCORE: "Score of Small, seed 0, PM"}
# As Snakemake reports a command that failed, before it reports the job.
COMMAND_FAILED = (
    'RuleException:\nCalledProcessError in file "rules/metrics.smk", line 40:\n'
    "Command 'set -euo pipefail;  python scripts/score.py' returned non-zero exit status 1."
)
JOBS_FAILED = "WorkflowError:\nAt least one job did not complete successfully."


class Snakemake:
    """Gives a display the records that Snakemake gives its handlers."""

    def __init__(self, stream: Any, folder: Path, shows: bool = True) -> None:
        usual = logging.StreamHandler(stream) if shows else None
        answers = ["Nothing to be done"]
        self.display = RunDisplay(stream, lambda target: f"{target}: unknown", usual, answers)
        self.stream, self.start, self.log = stream, time.time(), folder / "job.log"

    def says(self, text: str, level: int = logging.INFO, at: float = 0.0, **more: Any) -> None:
        record = logging.LogRecord("snakemake.logging", level, "", 0, text, (), None)
        record.created = self.start + at
        vars(record).update(more)
        self.display.handle(record)

    def starts(self) -> None:
        self.says("Workflow has started!", event="workflow_started")
        self.says("Building DAG of jobs...")
        self.display.begin("Study shop: 2 jobs", RunProgress(PLANNED))

    def begins(self, job: int, log: Path | None = None, at: float = 0.0) -> None:
        self.says("Select jobs to execute...", at=at)
        more = {"rule_name": "x", "rule_msg": MESSAGES[job], "log": [str(log or self.log)]}
        self.says(" Rule: x", at=at, event="job_info", jobid=job, **more)

    def ends(self, job: int, at: float) -> None:
        self.says("Finished", at=at, event="job_finished", job_id=job)

    def fails(
        self, job: int, at: float = 4.0, said: str | None = None, logs: Sequence[str | None] = ()
    ) -> None:
        self.says(COMMAND_FAILED, logging.ERROR, at, event="error")
        more = {"jobid": job, "rule_msg": said, "log": logs}
        self.says("Error", logging.ERROR, at, event="job_error", **more)

    def stops(self, message: str) -> None:
        self.says(message, logging.ERROR, event="error")

    def writes(self, text: str, log: Path | None = None) -> None:
        (log or self.log).write_text(text, encoding="utf-8")
        os.utime(log or self.log, (self.start + 1, self.start + 1))

    def last_words(self) -> list[str]:
        before = len(self.stream.getvalue())
        self.display.close()
        return self.stream.getvalue()[before:].splitlines()

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Snakemake]:
    """A run whose output goes to a file."""
    made = Snakemake(io.StringIO(), tmp_path)
    yield made
    made.display.close()


@pytest.fixture
def failing(run: Snakemake) -> Callable[..., list[str]]:
    """Runs a job that fails; returns the last lines of the run."""

    def fail(log: str | None, **more: Any) -> list[str]:
        run.starts()
        run.begins(SCORE)
        if log is not None:
            run.writes(log)
        run.fails(SCORE, **more)
        run.stops(JOBS_FAILED)
        return [line.removeprefix(f"error: {MESSAGES[SCORE]}: ") for line in run.last_words()]

    return fail


# Line by line


def test_a_line_is_printed_for_each_job_that_is_done_or_begins_and_is_long_and_none_for_a_target(
    run: Snakemake,
) -> None:
    MESSAGES[99] = "The study's results"
    run.starts()
    run.begins(TRAIN)
    run.begins(SCORE, at=1)
    run.ends(SCORE, at=3)
    run.ends(TRAIN, at=92)
    run.begins(99, at=93)
    run.ends(99, at=94)
    assert run.lines == [
        "Study shop: 2 jobs; about 1 min 40 s",
        "[0/2] Adapter Small-EC, seed 0 begins",
        "[1/2] Score of Small, seed 0, PM  2 s",
        "[2/2] Adapter Small-EC, seed 0  1 min 32 s",
    ]
    assert run.last_words() == []


def test_a_long_job_says_each_minute_what_it_does_and_how_long_the_rest_takes(
    run: Snakemake,
) -> None:
    """By the share of its steps that are done, not by what it once took."""
    run.starts()
    run.begins(TRAIN)
    run.writes("10:00:00 step 1 of 30: loss 2.0\n10:00:20 step 7 of 30: loss 1.5\n")
    run.says("anything", at=HEARTBEAT - 10)
    assert len(run.lines) == 2
    run.says("anything", at=HEARTBEAT + 10)
    assert run.lines[2:] == [
        "[0/2] running, about 3 min 50 s left: Adapter Small-EC, seed 0  1 min 10 s: "
        "step 7 of 30: loss 1.5"
    ]


def test_warnings_errors_and_what_is_said_before_and_after_jobs_are_passed_on(
    run: Snakemake,
) -> None:
    run.says("Assuming unrestricted shared filesystem usage.")
    run.says("Workflow has started!", event="workflow_started")
    run.says("Building DAG of jobs...")
    run.says("Nothing to be done")
    run.says("the clock is wrong", logging.WARNING)
    run.display.begin("Study shop: 0 jobs", RunProgress({}))
    run.says("MissingOutputException in rule score", logging.ERROR, event="error")
    run.display.end()
    run.says("Complete log(s): a.log")
    assert run.lines == [
        "Assuming unrestricted shared filesystem usage.",
        "Nothing to be done",
        "the clock is wrong",
        "Study shop: 0 jobs",
        "MissingOutputException in rule score",
        "Complete log(s): a.log",
    ]


def test_who_asks_for_other_output_still_reads_last_why_the_run_failed(tmp_path: Path) -> None:
    run = Snakemake(io.StringIO(), tmp_path, shows=False)
    run.starts()
    run.begins(SCORE)
    run.writes("error: bad row\n")
    run.fails(SCORE)
    assert run.lines == []
    assert run.last_words() == ["error: Score of Small, seed 0, PM: bad row"]


# Failures


def test_a_job_that_failed_is_told_at_once_and_each_of_its_problems_is_among_the_last_lines(
    run: Snakemake, failing: Callable[..., list[str]]
) -> None:
    problems = ["a.json: line 1: bad", "a.json: line 2: bad"]
    assert failing("00:00:01 begun\n" + "".join(f"error: {p}\n" for p in problems)) == problems
    assert run.lines[1:4] == [
        "failed: Score of Small, seed 0, PM, after 4 s",
        *(f"  {problem}" for problem in problems),
    ]
    assert run.last_words() == [], "once"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("Traceback (most recent call last):\nValueError: 3\n", "ValueError: 3: see {log}"),
        ("", "it ended without saying why, .* lack of memory: see {log}"),
        ("04:00:17 step 41 of 302: loss 0.6\n", "it ended without saying why, .*: see {log}"),
        (None, "it ended without saying why, .*: see what is printed above"),
    ],
)
def test_a_job_that_names_no_problem_is_told_by_its_last_line_and_its_log(
    log: str | None, reason: str, run: Snakemake, failing: Callable[..., list[str]]
) -> None:
    # Of an earlier run.
    run.log.write_text("error: of yesterday\n")
    os.utime(run.log, (0, 0))
    (line,) = failing(log)
    assert re.fullmatch(reason.format(log=re.escape(str(run.log))), line)


@pytest.mark.parametrize(
    ("status", "setting"), [("TIMEOUT", "runtime"), ("OUT_OF_MEMORY", "mem_mb"), ("FAILED", None)]
)
def test_what_a_scheduler_says_of_a_job_is_said_with_what_to_set(
    status: str, setting: str | None, failing: Callable[..., list[str]]
) -> None:
    said = f"SLURM-job '5' failed, SLURM status is: '{status}'.\n    sbatch --wrap=..."
    (line,) = failing(None, said=said)
    assert line.startswith(f"SLURM-job '5' failed, SLURM status is: '{status}'.")
    assert "--wrap" not in line
    assert re.findall("set its rule's `(.*?)` in the profile", line) == ([setting] * bool(setting))


def test_the_log_of_a_scheduler_tells_what_that_of_the_job_does_not(
    run: Snakemake, tmp_path: Path, failing: Callable[..., list[str]]
) -> None:
    killed = "slurmstepd-node: error: *** JOB 5 ON node CANCELLED DUE TO TIME LIMIT ***"
    other = tmp_path / "5.log"
    other.write_text(f"Select jobs to execute...\n{killed}\nExiting\n")
    assert failing("", logs=[str(run.log), str(other), None]) == [
        f"{killed}: see {run.log}, {other}"
    ]


@pytest.mark.parametrize("says_so", [True, False])
def test_of_jobs_that_a_scheduler_ran_as_one_those_are_named_that_failed(
    says_so: bool, run: Snakemake, tmp_path: Path
) -> None:
    run.starts()
    run.begins(TRAIN, tmp_path / "other.log")
    run.begins(SCORE)
    run.writes("error: bad row\n" if says_so else "")
    more = {"aux_logs": [], "job_error_info": [{"jobid": TRAIN}, {"jobid": SCORE}]}
    run.says("Error in group", logging.ERROR, 4, event="group_error", **more)
    # Each is reported once more.
    for job in (TRAIN, SCORE):
        run.fails(job)
    words = run.last_words()
    assert [MESSAGES[TRAIN] in line for line in words] == ([False] if says_so else [True, False])


def test_a_job_that_is_tried_again_counts_once_and_with_its_last_reason(run: Snakemake) -> None:
    run.starts()
    for job, reason in ((SCORE, "first"), (SCORE, "second"), (TRAIN, "once")):
        run.begins(job)
        run.writes(f"error: {reason}\n")
        run.fails(job)
    run.begins(TRAIN, at=5)
    run.ends(TRAIN, at=9)
    assert run.lines[-1] == "[1/2] Adapter Small-EC, seed 0  4 s"
    assert run.last_words() == ["error: Score of Small, seed 0, PM: second"]


def test_a_run_that_succeeds_in_the_end_has_no_last_words(
    run: Snakemake, failing: Callable[..., list[str]]
) -> None:
    run.display.close = run.display.forget  # type: ignore[method-assign]
    assert failing("error: bad row\n") == []


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        (
            "MissingRuleException:\nNo rule to produce a b.tex (if you use input functions make "
            "sure that they don't raise unexpected exceptions).",
            ["error: a b.tex: unknown"],
        ),
        (
            "WorkflowError:\nTarget rules may not contain wildcards. Please specify",
            [
                "error: the target has many jobs: name a file that it makes, or take a target that "
                "is listed by `snakemake --list-target-rules`"
            ],
        ),
        (
            "MissingInputException in rule render_table:\nMissing input files for rule "
            "render_table:\n    output: x.tex\n    affected files:\n        report/a.jinja",
            ["error: report/a.jinja: no such file, and nothing makes it: bring it back"],
        ),
        ("WorkflowError:\nsomething\n    else", ["error: WorkflowError: something else"]),
        # Of the workflow itself, which Snakemake prints with its stack.
        ('KeyError in file "rules/x.smk", line 3:\n\'x\'\n  File "rules/x.smk", line 3', []),
        (JOBS_FAILED, []),
    ],
)
def test_why_snakemake_stops_is_one_line(message: str, lines: list[str], run: Snakemake) -> None:
    run.stops(message)
    assert run.last_words() == lines


# On a terminal


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    @property
    def frame(self) -> list[str]:
        """What was drawn last: the lines, and where the cursor goes."""
        return self.getvalue().rpartition(ERASE)[2].split("\n")


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Snakemake]:
    """A run on a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
    made = Snakemake(Terminal(), tmp_path)
    made.starts()
    yield made
    made.display.close()


def test_a_terminal_shows_what_is_done_the_time_left_and_what_is_running_below_what_is_printed(
    shown: Snakemake,
) -> None:
    shown.begins(TRAIN)
    shown.begins(SCORE)
    shown.writes("10:00:00 step 15 of 30: loss 1.5\n")
    shown.ends(SCORE, at=2)
    assert shown.stream.frame == [
        # Where others print.
        "",
        "[1/2] running, about 2 s left",
        f"  {MESSAGES[TRAIN]}  2 s: step 15 of 30: loss 1.5\r\x1b[2A",
    ]
    shown.fails(TRAIN, at=3)
    shown.display.end()
    text = f"{ERASE}failed: {MESSAGES[TRAIN]}, after 3 s\n"
    assert text in shown.stream.getvalue(), "it stands, and nothing is left below it"
    assert shown.stream.frame == [""]


def test_no_more_jobs_are_shown_than_can_be_read(shown: Snakemake) -> None:
    jobs = range(100, 109)
    shown.display.begin("Study shop: 9 jobs", RunProgress(dict.fromkeys(jobs, PlannedJob())))
    for job in jobs:
        MESSAGES[job] = f"Score of {job} " + "and more " * 20
        shown.begins(job)
    _, head, *rows, more = shown.stream.frame
    assert head == "[0/9] running"
    assert [row[:14] for row in rows] == [f"  Score of {job}" for job in range(100, 106)]
    assert more.startswith("  and 3 more\r")
    assert max(map(len, rows)) < 80
