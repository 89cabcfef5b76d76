"""What goes to stderr of what a script logs."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import SCRIPTS

from ecslm.common.logs import SHOWN, collected_warnings
from ecslm.common.worker.place import RUN_VARIABLE

SCRIPT = """
import logging, sys
from pathlib import Path
from ecslm.common.logs import start_log
start_log(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
logging.info("step 1 of 2")
logging.warning("damaged")
"""


@pytest.mark.parametrize(
    ("variables", "with_log", "printed"),
    [
        ({}, True, ["step 1 of 2", "damaged"]),
        ({SHOWN: "yes"}, True, ["damaged"]),
        ({SHOWN: "yes"}, False, ["step 1 of 2", "damaged"]),
    ],
    ids=["by hand", "in a run", "without a log"],
)
def test_what_a_run_shows_of_a_log_is_not_printed_too(
    tmp_path: Path, variables: dict[str, str], with_log: bool, printed: list[str]
) -> None:
    log = tmp_path / "logs/job.log"
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *([str(log)] if with_log else [])],
        env={"PYTHONPATH": str(SCRIPTS), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line[9:] for line in run.stderr.splitlines()] == printed
    if with_log:
        lines = log.read_text(encoding="utf-8").splitlines()
        assert [line[9:] for line in lines] == ["step 1 of 2", "damaged"]


FAILING = """
import logging, os, sys
from pathlib import Path
from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.common.logs import start_log
start_log(Path(sys.argv[1]))
logging.warning("damaged")
os.write(2, b"last words of a library\\n")
exit_with(InputError("a.json: line 1: bad", "a.json: line 2: bad"))
"""
SAID = "last words of a library\nerror: a.json: line 1: bad\nerror: a.json: line 2: bad\n"


def test_what_a_process_logs_that_a_job_of_a_run_has_started_stands_in_the_log_once(
    tmp_path: Path,
) -> None:
    log = tmp_path / "job.log"
    log.write_text("of the job\n")
    program = SCRIPT.replace("else None)", "else None, more=True)")
    with log.open("ab") as stderr:
        subprocess.run(
            [sys.executable, "-c", program, str(log)],
            env={"PYTHONPATH": str(SCRIPTS), RUN_VARIABLE: "1-1"},
            stderr=stderr,
            check=True,
        )
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [lines[0], *(line[9:] for line in lines[1:])] == ["of the job", "step 1 of 2", "damaged"]


@pytest.mark.parametrize("in_a_run", [False, True])
def test_in_a_run_the_log_says_why_a_job_failed(tmp_path: Path, in_a_run: bool) -> None:
    log = tmp_path / "job.log"
    run = subprocess.run(
        [sys.executable, "-c", FAILING, str(log)],
        env={"PYTHONPATH": str(SCRIPTS)} | ({RUN_VARIABLE: "1-1"} if in_a_run else {}),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr[9:] == "damaged\n" + ("" if in_a_run else SAID)
    assert log.read_text(encoding="utf-8")[9:] == "damaged\n" + (SAID if in_a_run else "")


def test_warnings_of_the_library_are_collected_and_not_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("ecslm.plan")
    with collected_warnings() as texts:
        log.warning("a %s", "warning")
        log.info("more")
    assert texts == ["a warning"]
    assert capfd.readouterr() == ("", "")
    with collected_warnings() as texts:
        pass
    assert texts == []
    assert logging.getLogger("ecslm").propagate
