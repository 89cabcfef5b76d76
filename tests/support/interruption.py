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
    """A run of Snakemake that stands still at a moment of its own or of its job."""

    snakemake: Started
    paused: psutil.Process
    marker: Path
    printed: Path

    def release(self) -> None:
        """Let the paused process go on."""
        self.marker.unlink()

    def wait(self) -> int:
        """Wait for both processes to end; returns Snakemake's exit status."""
        status = self.snakemake.wait(timeout=SECONDS_TO_WAIT)
        self.paused.wait(timeout=SECONDS_TO_WAIT)
        return status


def run_until(
    project: Path, moment: Moment, *arguments: str, start: Callable[..., Started] = start_snakemake
) -> PausedRun:
    """Run Snakemake in a project, as a user does, until the moment has come."""
    marker, printed = project / "paused", project / "printed.txt"
    marker.unlink(missing_ok=True)
    at = {key: value for key, value in asdict(moment).items() if key != "words"}
    environment = {
        "PYTHONPATH": str(PAUSING),
        "PAUSE_AT": json.dumps({**at, "marker": str(marker)}),
    }
    run = start(project, printed, *arguments, environment=environment)
    wait_until(
        lambda: marker.exists() and marker.read_text() != "",
        lambda: run.poll() is None,
        lambda: f"{moment} has not come: {printed.read_text()}",
    )
    return PausedRun(run, psutil.Process(int(marker.read_text())), marker, printed)


def wait_until(
    come: Callable[[], bool], possible: Callable[[], bool], otherwise: Callable[[], str]
) -> None:
    """Wait for something while it is possible.

    Raises:
        AssertionError: it has not come.
    """
    end = time.monotonic() + SECONDS_TO_WAIT
    while not come():
        assert possible() and time.monotonic() < end, otherwise()
        time.sleep(0.01)


# Ways to stop a run and all of its processes.

Stop = Callable[[PausedRun], None]


def interrupt(run: PausedRun) -> None:
    """Ctrl-C: the terminal sends SIGINT to the group."""
    os.killpg(run.snakemake.pid, signal.SIGINT)
    assert run.wait() != 0


def terminate(run: PausedRun) -> None:
    """The end of a time limit: SIGTERM to all processes."""
    os.killpg(run.snakemake.pid, signal.SIGTERM)
    assert run.wait() != 0


def kill_paused(run: PausedRun) -> None:
    """`kill -9` of what is paused: the job, which Snakemake survives, or Snakemake."""
    run.paused.kill()
    assert run.wait() != 0


def kill_all(run: PausedRun) -> None:
    """A power cut: no process gets to say a word."""
    os.killpg(run.snakemake.pid, signal.SIGKILL)
    assert run.wait() != 0


def finish(project: Path, *arguments: str) -> None:
    """A run to the end."""
    run = snakemake(project, *arguments)
    assert run.returncode == 0, run.stdout + run.stderr


def wait_for_no_process(project: Path) -> None:
    """Wait until no process works below a directory.

    A signal to a group is no wait for its end: one between Snakemake and the paused process, such
    as latexmk, may be there a moment longer.

    Raises:
        AssertionError: one does not end.
    """
    wait_until(
        lambda: processes_in(project) == [],
        lambda: True,
        lambda: f"still there: {processes_in(project)}",
    )


def processes_in(project: Path) -> list[list[str]]:
    """The command lines of processes that work below a directory."""
    return [
        process.info["cmdline"]
        for process in psutil.process_iter(["cwd", "cmdline"])
        if Path(process.info["cwd"] or "/").is_relative_to(project)
    ]


# What a run leaves.


def contents(results: Path) -> dict[str, bytes]:
    """Every file that must not depend on what happened on the way, by its path.

    Logs, costs and the report tell of seconds, locks of processes, and known digests of the times
    of files; so does the training's history, of which the rest counts.
    """
    found = {}
    for path in _files(results):
        name = path.relative_to(results)
        if {"logs", "benchmarks", "work"} & set(name.parts) or path.suffix in (".log", ".lock"):
            continue
        if path.name.endswith(("cost.json", "digests.json")) or path.name.startswith("report."):
            continue
        found[str(name)] = path.read_bytes()
        if path.name == "log.jsonl":
            entries = [json.loads(line) for line in path.read_text().splitlines()]
            found[str(name)] = "\n".join(
                str({key: value for key, value in entry.items() if not OF_TIME.search(key)})
                for entry in entries
            ).encode()
    return found


def leftovers(project: Path) -> list[str]:
    """Files that only a run in progress, or one that was stopped, has a use for."""
    of_work = [*(project / "results").glob("**/work/*/"), *(project / "results").glob("**/.*")]
    marks = _files(project / ".snakemake/incomplete")
    return sorted(str(path.relative_to(project)) for path in (*of_work, *marks))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
