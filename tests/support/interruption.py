"""Runs that are stopped at exact moments, and what must be the same after the next run."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from support.scratch import Started, snakemake, start_snakemake

PAUSING = Path(__file__).with_name("pausing")
SECONDS_TO_WAIT = 120.0
# Of a training's history: seconds, eval_runtime, eval_samples_per_second.
OF_TIME = re.compile("second|runtime")


@dataclass(frozen=True)
class Moment:
    """Just before the `number`th event on a path of the pattern: see pausing/sitecustomize.py."""

    words: str
    event: str
    pattern: str
    number: int = 1

    def __str__(self) -> str:
        return self.words


@dataclass
class PausedRun:
    """A run of Snakemake or a script that stands still at a moment of its own or of its job."""

    snakemake: Started
    paused: psutil.Process
    marker: Path
    printed: Path

    def release(self) -> None:
        """Let the paused process go on."""
        self.marker.unlink()

    def wait(self) -> int:
        """Wait for both processes to end; returns the exit status of the run."""
        status = self.snakemake.wait(timeout=SECONDS_TO_WAIT)
        self.paused.wait(timeout=SECONDS_TO_WAIT)
        return status


def run_until(
    project: Path, moment: Moment, *arguments: str, start: Callable[..., Started] = start_snakemake
) -> PausedRun:
    """Run something in a project, as a user does, until the moment has come."""
    marker, printed = project / "paused", project / "printed.txt"
    marker.unlink(missing_ok=True)
    at = asdict(moment) | {"marker": str(marker)}
    del at["words"]
    environment = {"PYTHONPATH": str(PAUSING), "PAUSE_AT": json.dumps(at)}
    run = start(project, printed, *arguments, environment=environment)
    wait_until(
        lambda: marker.exists() and marker.read_text() != "",
        lambda: f"{moment} has not come: {printed.read_text()}",
        lambda: run.poll() is None,
    )
    return PausedRun(run, psutil.Process(int(marker.read_text())), marker, printed)


def wait_until(
    come: Callable[[], object],
    otherwise: Callable[[], str],
    possible: Callable[[], bool] = lambda: True,
) -> None:
    """Wait for something while it is possible.

    Raises:
        AssertionError: it has not come, with the text of `otherwise`.
    """
    end = time.monotonic() + SECONDS_TO_WAIT
    while not come():
        assert possible() and time.monotonic() < end, otherwise()
        time.sleep(0.01)


# Ways to stop a run and all of its processes.

Stop = Callable[[PausedRun], None]


def _signalled(number: int) -> Stop:
    def stop(run: PausedRun) -> None:
        os.killpg(run.snakemake.pid, number)
        assert run.wait() != 0

    return stop


# Ctrl-C, which a terminal sends to the group; the end of a time limit; a power cut.
interrupt, terminate, kill_all = map(_signalled, (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))


def kill_paused(run: PausedRun) -> None:
    """`kill -9` of what is paused: the job, which Snakemake survives, or Snakemake."""
    run.paused.kill()
    assert run.wait() != 0


def finish(project: Path, *arguments: str) -> None:
    """A run to the end."""
    run = snakemake(project, *arguments)
    assert run.returncode == 0, run.stdout + run.stderr


def wait_for_no_process(project: Path) -> None:
    """Wait until no process works below a directory: a signal to a group is no wait for its end.

    Raises:
        AssertionError: one does not end.
    """
    working = lambda: list(processes_in(project))  # noqa: E731
    wait_until(lambda: not working(), lambda: f"still there: {working()}")


def processes_in(project: Path) -> Iterator[psutil.Process]:
    """The processes that work below a directory."""
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if Path(process.info["cwd"] or "/").is_relative_to(project):
            yield process


# What a run leaves.


def contents(results: Path) -> dict[str, bytes]:
    """Every file that must not depend on what happened on the way, by its path.

    Logs, costs and the report tell of seconds, locks of processes, and known digests of the times
    of files; so does the training's history, of which the rest counts.
    """
    found = {}
    for path in _files(results):
        name = path.relative_to(results)
        if {"logs", "benchmarks", "work"} & set(name.parts) or name.suffix in (".log", ".lock"):
            continue
        if name.name.endswith(("cost.json", "digests.json")) or name.name.startswith("report."):
            continue
        content = path.read_bytes()
        if name.name == "log.jsonl":
            kept = [
                {key: value for key, value in json.loads(line).items() if not OF_TIME.search(key)}
                for line in content.splitlines()
            ]
            content = str(kept).encode()
        found[str(name)] = content
    return found


def leftovers(project: Path) -> list[str]:
    """Files that only a run in progress, or one that was stopped, has a use for."""
    of_work = [*(project / "results").glob("**/work/*/"), *(project / "results").glob("**/.*")]
    marks = _files(project / ".snakemake/incomplete")
    return sorted(str(path.relative_to(project)) for path in (*of_work, *marks))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
