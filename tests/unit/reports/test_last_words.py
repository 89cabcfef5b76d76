"""The last lines of a run that failed."""

import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecslm.reports.last_words import FULL, MOST_LINES, LastWords

Say = Callable[..., None]


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def free() -> dict[str, int]:
    """The room on the disk."""
    return {"bytes": FULL}


@pytest.fixture
def words(printed: io.StringIO, free: dict[str, int]) -> LastWords:
    return LastWords(printed, lambda target: f"{target}: unknown", lambda _path: free["bytes"])


@pytest.fixture
def says(words: LastWords) -> Say:
    """Gives the handler a record as Snakemake does."""

    def say(text: str, event: str | None = None, **fields: Any) -> None:
        record = logging.LogRecord("snakemake.logging", logging.ERROR, "", 0, text, (), None)
        vars(record).update(event=event, **fields)
        record.created = 0.0
        words.handle(record)

    return say


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


def begins(says: Say, log: Path, number: int = 1, message: str = "Table ind") -> None:
    fields = {"jobid": number, "rule_name": "render_table", "rule_msg": message, "log": [str(log)]}
    says("", "job_info", **fields)


def fails(says: Say, number: int = 1, said: str | None = None, *logs: str) -> None:
    says("Error in rule", "job_error", jobid=number, rule_msg=said, log=list(logs))
    says("WorkflowError:\nAt least one job did not complete successfully.", "error")


def lines(words: LastWords, printed: io.StringIO) -> list[str]:
    assert printed.getvalue() == "", "nothing is said before the end"
    words.close()
    return printed.getvalue().splitlines()


def test_each_problem_in_the_log_of_a_job_is_a_line(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    log.write_text("00:00:01 begun\nerror: a.json: line 1: bad\nerror: a.json: line 2: bad\n")
    begins(says, log)
    says("RuleException:\nCalledProcessError in file x", "error")
    fails(says)
    assert lines(words, printed) == [
        "error: Table ind: a.json: line 1: bad",
        "error: Table ind: a.json: line 2: bad",
    ]
    words.close()
    assert len(printed.getvalue().splitlines()) == 2, "once"


def test_of_a_job_that_says_no_reason_its_last_line_and_its_log_are_named(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    log.write_text("Traceback (most recent call last):\nValueError: 3\n")
    begins(says, log)
    fails(says)
    assert lines(words, printed) == [f"error: Table ind: ValueError: 3: see {log}"]


def test_a_full_disk_is_said_with_its_place_though_the_log_is_on_it(
    words: LastWords, says: Say, printed: io.StringIO, log: Path, free: dict[str, int]
) -> None:
    log.write_text("")
    begins(says, log)
    free["bytes"] = 0
    fails(says)
    assert lines(words, printed) == [
        f"error: Table ind: {log.parent}: no space left on device: make room, or move `results` to "
        "another disk and link it here"
    ]


@pytest.mark.parametrize("text", ["", "04:00:17 step 41 of 302: loss 0.6085\n"])
def test_of_a_job_that_was_killed_no_line_of_its_log_passes_for_the_reason(
    text: str, words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    begins(says, log)
    log.write_text(text)
    fails(says)
    assert lines(words, printed) == [
        "error: Table ind: it ended without saying why, as a killed job does: perhaps for lack of "
        f"memory: see {log}"
    ]


def test_of_a_job_that_ended_before_its_log_began_the_terminal_has_the_reason(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    begins(says, log.with_name("none.log"))
    fails(says)
    assert lines(words, printed) == [
        "error: Table ind: it ended before it wrote a log: see what is printed above"
    ]


def test_what_a_scheduler_says_of_a_job_is_said_with_what_to_do(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    begins(says, log)
    fails(says, 1, "SLURM-job '5' failed, SLURM status is: 'TIMEOUT'.")
    (line,) = lines(words, printed)
    assert line.startswith("error: Table ind: SLURM-job '5' failed, SLURM status is: 'TIMEOUT'.")
    assert "set its rule's `runtime` in the profile" in line


def test_the_log_of_a_scheduler_tells_what_that_of_the_job_does_not(
    words: LastWords, says: Say, printed: io.StringIO, log: Path, tmp_path: Path
) -> None:
    other = tmp_path / "5.log"
    other.write_text("bash: line 1: python: command not found\nmore\n")
    begins(says, log)
    fails(says, 1, None, str(log), str(other))
    assert lines(words, printed) == [
        f"error: Table ind: bash: line 1: python: command not found: see {other}"
    ]


def test_of_jobs_that_ran_as_one_the_one_that_failed_is_named(
    words: LastWords, says: Say, printed: io.StringIO, log: Path, tmp_path: Path
) -> None:
    other, schedulers = tmp_path / "other.log", tmp_path / "5.log"
    log.write_text("error: bad row\n")
    schedulers.write_text(f"Error in rule\n    log: {log} (check log file(s))\n")
    begins(says, other, 2, "Table ood")
    begins(says, log)
    infos = [{"jobid": 2}, {"jobid": 1}]
    says("Error", "group_error", aux_logs=[str(schedulers)], job_error_info=infos)
    assert lines(words, printed) == ["error: Table ind: bad row"]


def test_many_lines_are_summed_up(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    log.write_text("".join(f"error: {number}\n" for number in range(MOST_LINES + 5)))
    begins(says, log)
    fails(says)
    found = lines(words, printed)
    assert len(found) == MOST_LINES + 1
    assert found[-1] == "error: and 5 more like these"


def test_a_run_that_succeeds_in_the_end_has_no_last_words(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    begins(says, log)
    fails(says)
    words.forget()
    assert lines(words, printed) == []


def test_a_job_that_succeeds_when_tried_again_is_not_named_beside_one_that_fails(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    log.write_text("error: once\n")
    begins(says, log)
    fails(says)
    log.write_text("")
    begins(says, log)
    other = log.with_name("other.log")
    other.write_text("error: for good\n")
    begins(says, other, 2, "Table ood")
    fails(says, 2)
    assert lines(words, printed) == ["error: Table ood: for good"]


def test_a_job_that_fails_again_is_named_with_its_last_reason(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    for reason in ("first", "second"):
        log.write_text(f"error: {reason}\n")
        begins(says, log)
        fails(says)
    assert lines(words, printed) == ["error: Table ind: second"]


def test_a_failed_job_does_not_hide_why_snakemake_stops(
    words: LastWords, says: Say, printed: io.StringIO, log: Path
) -> None:
    log.write_text("error: bad row\n")
    begins(says, log)
    fails(says)
    says("WorkflowError:\nFailed to open the lock", "error")
    assert lines(words, printed) == [
        "error: Table ind: bad row",
        "error: WorkflowError: Failed to open the lock",
    ]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "MissingRuleException:\nNo rule to produce a b.tex (if you use input functions make "
            "sure that they don't raise unexpected exceptions).",
            "error: a b.tex: unknown",
        ),
        (
            "WorkflowError:\nTarget rules may not contain wildcards. Please specify",
            "error: the target has many jobs: name a file that it makes, or take a target that is "
            "listed by `snakemake --list-target-rules`",
        ),
        (
            "MissingInputException in rule render_table:\nMissing input files for rule "
            "render_table:\n    output: x.tex\n    affected files:\n        report/a.jinja",
            "error: report/a.jinja: no such file, and nothing makes it: bring it back",
        ),
        ("WorkflowError:\nsomething\n    else", "error: WorkflowError: something else"),
    ],
)
def test_why_snakemake_stops_is_one_line(
    message: str, line: str, words: LastWords, says: Say, printed: io.StringIO
) -> None:
    says(message, "error")
    assert lines(words, printed) == [line]


def test_an_error_of_the_workflow_itself_is_left_to_snakemake_with_its_stack(
    words: LastWords, says: Say, printed: io.StringIO
) -> None:
    says('KeyError in file "rules/x.smk", line 3:\n\'x\'\n  File "rules/x.smk", line 3', "error")
    assert lines(words, printed) == []
