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
