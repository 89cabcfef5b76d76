"""What goes to stderr of what a script logs."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import SCRIPTS

from ecslm.common.logs import SHOWN, collected_warnings

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
import sys
from pathlib import Path
from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.common.logs import start_log
start_log(Path(sys.argv[1]))
exit_with(InputError("a.json: line 1: bad", "a.json: line 2: bad"))
"""


@pytest.mark.parametrize("shown", [False, True], ids=["by hand", "in a run"])
def test_the_log_says_why_a_job_failed(tmp_path: Path, shown: bool) -> None:
    log = tmp_path / "job.log"
    run = subprocess.run(
        [sys.executable, "-c", FAILING, str(log)],
        env={"PYTHONPATH": str(SCRIPTS)} | ({SHOWN: "yes"} if shown else {}),
        capture_output=True,
        text=True,
    )
    said = "error: a.json: line 1: bad\nerror: a.json: line 2: bad\n"
    assert (run.returncode, log.read_text(encoding="utf-8")) == (1, said)
    assert run.stderr == ("" if shown else said), "a run shows the end of the log"


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
