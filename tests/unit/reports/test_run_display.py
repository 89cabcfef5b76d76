"""What a run shows of Snakemake's records, line by line and on a terminal, and why it failed."""

import io
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecslm.reports.run_display import ERASE, HEARTBEAT, SHORT, PlannedJob, RunDisplay, RunProgress

TRAIN, SCORE, TARGET = 7, 8, 99
PLANNED = {TRAIN: PlannedJob(100.0, share=1.0), SCORE: PlannedJob(2.0, (SHORT,))}
ADAPTER, SCORES = "Adapter Small-EC, seed 0", "Score of Small, seed 0, PM"
MESSAGES = {TRAIN: ADAPTER, SCORE: SCORES, TARGET: "The study's results"}
# As Snakemake reports a command that failed, before it reports the job.
COMMAND_FAILED = (
    'RuleException:\nCalledProcessError in file "rules/metrics.smk", line 40:\n'
    "Command 'set -euo pipefail;  python scripts/score.py' returned non-zero exit status 1."
)
JOBS_FAILED = "WorkflowError:\nAt least one job did not complete successfully."
SLURM = "SLURM-job '5' failed, SLURM status is: '{}'."


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0


class Snakemake:
    """Gives a display the records that Snakemake gives its handlers."""

    def __init__(self, stream: io.StringIO, folder: Path, shows: bool = True) -> None:
        usual = logging.StreamHandler(stream) if shows else None
        self.display = RunDisplay(stream, usual)
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

    def fails(self, job: int, at: float = 4.0, **more: Any) -> None:
        self.says(COMMAND_FAILED, logging.ERROR, at, event="error")
        more = {"rule_msg": None, "log": []} | more
        self.says("Error", logging.ERROR, at, event="job_error", jobid=job, **more)

    def stops(self, message: str) -> None:
        self.says(message, logging.ERROR, event="error")

    def writes(self, text: str, at: float = 1.0) -> None:
        self.log.write_text(text, encoding="utf-8")
        os.utime(self.log, (self.start + at, self.start + at))

    def last_words(self) -> list[str]:
        """Those after `error: ` and the job, if it is the one that scores."""
        before = len(self.stream.getvalue())
        self.display.close()
        lines = self.stream.getvalue()[before:].splitlines()
        return [line.removeprefix("error: ").removeprefix(f"{SCORES}: ") for line in lines]

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def frame(self) -> list[str]:
        """What was drawn last on a terminal: the lines, and where the cursor goes."""
        return self.stream.getvalue().rpartition(ERASE)[2].split("\n")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Snakemake]:
    """A run whose output goes to a file."""
    made = Snakemake(io.StringIO(), tmp_path)
    yield made
    made.display.close()


def test_a_line_is_printed_for_each_job_that_is_done_or_begins_and_is_long_and_each_minute(
    run: Snakemake,
) -> None:
    """None for a target; what is left counts the share of its steps that a job has done."""
    run.starts()
    run.begins(TRAIN)
    run.begins(SCORE, at=1)
    run.ends(SCORE, at=3)
    run.writes("10:00:00 step 1 of 30: loss 2.0\n10:00:20 step 7 of 30: loss 1.5\n")
    run.says("anything", at=HEARTBEAT - 10)
    run.says("anything", at=HEARTBEAT + 10)
    run.ends(TRAIN, at=92)
    run.begins(TARGET, at=93)
    run.ends(TARGET, at=94)
    assert run.lines == [
        "Study shop: 2 jobs; about 1 min 40 s",
        f"[0/2] {ADAPTER} begins",
        f"[1/2] {SCORES}  2 s",
        f"[1/2] 1 running, about 3 min 50 s left: {ADAPTER}  1 min 10 s: step 7 of 30: loss 1.5",
        f"[2/2] {ADAPTER}  1 min 32 s",
    ]
    assert run.last_words() == []


def test_warnings_errors_and_what_is_said_before_and_after_jobs_are_passed_on(
    run: Snakemake,
) -> None:
    run.says("Assuming unrestricted shared filesystem usage.")
    run.says("Workflow has started!", event="workflow_started")
    run.says("Building DAG of jobs...")
    run.says("Nothing to be done (all)")
    run.says("the clock is wrong", logging.WARNING)
    run.display.begin("Study shop: 0 jobs", RunProgress({}))
    run.says("MissingOutputException in rule score", logging.ERROR, event="error")
    run.display.end(succeeded=False)
    run.says("Complete log(s): a.log")
    assert run.lines == [
        "Assuming unrestricted shared filesystem usage.",
        "Nothing to be done (all)",
        "the clock is wrong",
        "Study shop: 0 jobs",
        "MissingOutputException in rule score",
        "Complete log(s): a.log",
    ]


# Failures


def test_a_job_that_failed_is_told_at_once_and_its_problems_are_among_the_last_lines(
    run: Snakemake,
) -> None:
    problems = ["a.json: bad", "b.json: bad"]
    run.starts()
    run.begins(SCORE)
    run.writes("00:00:01 begun\n" + "".join(f"error: {one}\n" for one in problems))
    run.fails(SCORE)
    run.stops(JOBS_FAILED)
    assert run.lines[1:] == [f"failed: {SCORES}, after 4 s", *(f"  {one}" for one in problems)]
    assert run.last_words() == problems
    assert run.last_words() == [], "once"


def test_where_other_output_is_asked_for_it_says_why_the_run_failed_alone(tmp_path: Path) -> None:
    run = Snakemake(io.StringIO(), tmp_path, shows=False)
    run.starts()
    run.begins(SCORE)
    run.writes("error: bad\n")
    run.fails(SCORE)
    assert (run.lines, run.last_words()) == ([], ["bad"])


KILLED = "it ended without saying why, .*: see "


@pytest.mark.parametrize(
    ("log", "said", "reason"),
    [
        ("Traceback (most recent call last):\nValueError: 3\n", None, "ValueError: 3: see {log}"),
        ("", None, KILLED + "what is printed above"),
        ("04:00:17 step 41 of 302: loss 0.6\n", None, KILLED + "{log}"),
        (None, None, KILLED + "what is printed above"),
        (None, "FAILED", ".*'FAILED'\\.: see what is printed above"),
    ],
)
def test_a_job_that_names_no_problem_is_told_by_its_last_line_its_log_and_its_scheduler(
    log: str | None, said: str | None, reason: str, run: Snakemake
) -> None:
    run.starts()
    run.begins(SCORE)
    # Of an earlier run.
    run.writes("error: of yesterday\n", at=-1e6)
    if log is not None:
        run.writes(log)
    run.fails(SCORE, rule_msg=said and f"{SLURM.format(said)}\n    sbatch --wrap=...")
    (line,) = run.last_words()
    assert re.fullmatch(reason.format(log=re.escape(str(run.log))), line)
    assert "--wrap" not in line


def test_the_log_of_a_scheduler_tells_what_that_of_the_job_does_not(run: Snakemake) -> None:
    other, killed = run.log.with_name("5.log"), "slurmstepd-node: error: *** JOB 5 CANCELLED ***"
    other.write_text(f"Select jobs to execute...\n{killed}\nExiting\n")
    run.starts()
    run.begins(SCORE)
    run.writes("")
    run.fails(SCORE, log=[str(run.log), str(other), None])
    assert run.last_words() == [f"{killed}: see {other}"]


@pytest.mark.parametrize("says_so", [True, False])
def test_of_jobs_that_a_scheduler_ran_as_one_those_are_named_that_failed(
    says_so: bool, run: Snakemake
) -> None:
    run.starts()
    run.begins(TRAIN, run.log.with_name("other.log"))
    run.begins(SCORE)
    run.writes("error: bad row\n" if says_so else "")
    more = {"aux_logs": [], "job_error_info": [{"jobid": TRAIN}, {"jobid": SCORE}]}
    run.says("Error in group", logging.ERROR, 4, event="group_error", **more)
    # Each is reported once more.
    run.fails(TRAIN)
    run.fails(SCORE)
    found = [ADAPTER in line for line in run.last_words()]
    assert found == ([False] if says_so else [True, False])


@pytest.mark.parametrize("succeeds", [False, True])
def test_a_job_that_is_tried_again_counts_once_and_with_its_last_reason(
    succeeds: bool, run: Snakemake
) -> None:
    run.starts()
    for job, reason in ((SCORE, "first"), (SCORE, "second"), (TRAIN, "once")):
        run.begins(job)
        run.writes(f"error: {reason}\n")
        run.fails(job)
    run.begins(TRAIN, at=5)
    run.ends(TRAIN, at=9)
    assert run.lines[-1] == f"[1/2] {ADAPTER}  4 s"
    run.display.end(succeeds)
    assert run.last_words() == ([] if succeeds else ["second"])


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "x:\nNo rule to produce a b.tex (if you use input functions make sure",
            "x: No rule to produce a b.tex",
        ),
        ("WorkflowError:\nsomething\n    else", "WorkflowError: something else"),
        # Of the workflow itself, which Snakemake prints with its stack.
        ('KeyError in file "rules/x.smk", line 3:\n\'x\'\n  File "rules/x.smk", line 3', ""),
        (JOBS_FAILED, ""),
    ],
)
def test_why_snakemake_stops_is_one_line(message: str, line: str, run: Snakemake) -> None:
    run.stops(message)
    assert re.fullmatch(line, "\n".join(run.last_words()))


def test_a_terminal_shows_what_is_done_the_time_left_and_what_is_running_below_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
    run = Snakemake(Terminal(), tmp_path)
    run.starts()
    run.begins(TRAIN)
    run.begins(SCORE)
    run.writes("10:00:00 step 15 of 30: loss 1.5\n")
    run.ends(SCORE, at=2)
    head = "[1/2] 1 running, about 2 s left"
    # The first line is where others print.
    assert run.frame == ["", head, f"  {ADAPTER}  2 s: step 15 of 30: loss 1.5\r\x1b[2A"]
    run.fails(TRAIN, at=3)
    run.begins(SCORE, at=3)
    run.display.end(succeeded=False)
    assert f"{ERASE}failed: {ADAPTER}, after 3 s\n" in run.stream.getvalue()
    assert run.frame == [""], "nothing is left below it"
    run.says("Complete log(s): a.log", at=4)
    assert run.frame == ["Complete log(s): a.log", ""]
    run.ends(SCORE, at=4)
    many = dict.fromkeys(range(100, 109), PlannedJob())
    run.display.begin("Study shop: 9 jobs", RunProgress(many))
    for number in many:
        monkeypatch.setitem(MESSAGES, number, f"Score of {number} " + "and more " * 20)
        run.begins(number)
    _, head, *rows = run.frame
    assert head == "[0/9] 9 running"
    assert [row[:14] for row in rows] == [f"  Score of {number}" for number in [*many][:6]]
    assert max(map(len, rows[:-1])) < 80
    run.display.close()


# How long the rest takes

A, B, C = range(3)


def job(seconds: float | None = None, share: float = 0.5) -> PlannedJob:
    return PlannedJob(seconds, share=share)


@pytest.mark.parametrize(
    ("jobs", "left"),
    [
        ([job(10), job(10)], "about 10 s"),
        ([job(10), job(10), job(10)], "about 15 s"),
        ([job(10, 1), job(10, 1)], "about 20 s"),
        # No run ends before its longest job.
        ([job(60), job(2)], "about 1 min 0 s"),
        ([job(), job(30)], ""),
    ],
)
def test_jobs_that_share_the_cores_run_side_by_side_and_those_of_one_gpu_do_not(
    jobs: list[PlannedJob], left: str
) -> None:
    assert RunProgress(dict(enumerate(jobs))).time_left({}) == left


def test_what_a_running_job_has_run_is_no_longer_left_and_what_it_shows_counts_most() -> None:
    progress = RunProgress({A: job(10, 1), B: job(10, 1)})
    assert progress.time_left({A: (4.0, None)}) == "about 16 s"
    assert progress.time_left({A: (40.0, None)}) == "about 10 s", "it takes longer than expected"
    assert progress.time_left({A: (40.0, 100.0)}) == "about 1 min 10 s"
    progress.end(A, 41)
    assert (progress.time_left({}), progress.count) == ("about 10 s", "[1/2]")
    progress.left.discard(B)
    assert progress.time_left({}) == "", "it has failed"


def test_jobs_that_never_ran_are_expected_to_take_what_those_most_like_them_took() -> None:
    tuned, any_ = ("predict", "Tuned"), ("predict",)
    waiting = PlannedJob(likenesses=(tuned, any_))
    others = [PlannedJob(90, (("predict", "Other"), any_)), PlannedJob(30, (any_,))]
    progress = RunProgress({A: waiting, B: waiting, C: PlannedJob(20)}, others)
    assert progress.time_left({}) == "about 1 min 0 s"
    progress.end(A, 50)
    assert progress.time_left({}) == "about 50 s"
    progress.end(B, 50)
    assert progress.time_left({}) == "about 20 s", "what it took itself counts more"
