"""What goes to stderr of what a script logs."""

import re
import subprocess
import sys
from pathlib import Path

from support.project import SCRIPTS

from ecslm.common.locks import RUN_VARIABLE

JOB = """
import logging, os, sys
from pathlib import Path
from ecslm.common.errors import exit_with
from ecslm.common.errors import InputError
from ecslm.common.logs import start_log
start_log(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
logging.info("step 1 of 2")
logging.warning("damaged")
os.write(2, b"last words of a library\\n")
if "ECSLM_RUN" in os.environ:
    from tqdm import tqdm
    list(tqdm([1]))
exit_with(InputError("a.json: line 1: bad", "a.json: line 2: bad"))
"""
LOGGED = ["step 1 of 2", "damaged"]
SAID = ["last words of a library", "error: a.json: line 1: bad", "error: a.json: line 2: bad"]


def run(log: Path | None, **variables: str) -> list[str]:
    """What a job with a log prints."""
    done = subprocess.run(
        [sys.executable, "-c", JOB, *([str(log)] if log else [])],
        env={"PYTHONPATH": str(SCRIPTS), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return without_times(done.stderr)


def without_times(text: str) -> list[str]:
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


def logged(log: Path) -> list[str]:
    return without_times(log.read_text(encoding="utf-8"))


def test_by_hand_the_log_is_printed_too_and_without_one_all_is_printed(tmp_path: Path) -> None:
    log = tmp_path / "logs/job.log"
    assert run(log) == LOGGED + SAID
    assert logged(log) == LOGGED
    assert run(None) == LOGGED + SAID


def test_in_a_run_the_log_says_why_a_job_failed_and_has_no_bars(tmp_path: Path) -> None:
    assert run(tmp_path / "job.log", **{RUN_VARIABLE: "1-1"}) == LOGGED[1:]
    assert logged(tmp_path / "job.log") == LOGGED + SAID
