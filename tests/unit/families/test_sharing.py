"""Jobs of a run whose model one process has loaded: the same bytes, whatever happens to whom."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import warm
from support.interruption import PAUSING, wait_until
from support.model_examples import PROMPTS, prediction_settings, run_predict, write_records
from support.project import ROOT, SCRIPTS

from ecslm.common import locks
from ecslm.fingerprint.running import code_parameter

NO_MODELS = {"PYTHONPATH": str(ROOT / "tests/support/no_models")}
SAMPLED = prediction_settings(decoding={"sample": True, "temperature": 1.5})


@dataclass
class Jobs:
    """Starts jobs of one run, as Snakemake does."""

    folder: Path
    run: subprocess.Popen[bytes]

    def start(
        self,
        name: str,
        base: Path,
        adapter: Path | None = None,
        settings: Any = None,
        pause_at: int | None = None,
        **environment: str,
    ) -> warm.WarmProcess:
        """Start a job; with `pause_at` it waits before it notes so many batches."""
        chosen, marker = settings or prediction_settings(), self.folder / name / "paused"
        if pause_at is not None:
            at = {"event": "open a+", "pattern": "*/batches.jsonl", "number": pause_at}
            environment["PAUSE_AT"] = json.dumps({**at, "marker": str(marker)})
            environment["PYTHONPATH"] = str(PAUSING)
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        words = [
            *(SCRIPTS / "predict.py", "--template", PROMPTS / "alpaca.jinja", "--threads", 1),
            *("--dataset", write_records(folder / "test.jsonl", 7, split="test")),
            *("--base", base, "--batch-tokens", 300),
            *(["--adapter", adapter] if adapter else []),
            *("--settings", chosen.model_dump_json(), "--log", folder / "log"),
            *("--code", code_parameter("predict.py", chosen.modules())),
            *("--output", folder / "predictions.jsonl"),
        ]
        variables = os.environ | {locks.RUN_VARIABLE: str(self.run.pid)} | environment
        variables["ECSLM_CACHE"] = str(folder / "cache")
        with (folder / "printed").open("wb") as stream:
            process = warm.start(list(map(str, words)), self.folder, stream, stream, variables)
        if pause_at is not None:
            wait_until(
                lambda: marker.exists() and marker.read_text() != "",
                lambda: self.log(name),
                lambda: process.poll() is None,
            )
        return process

    def finish(self, name: str, process: warm.WarmProcess) -> None:
        """Let a job go on, and wait for it."""
        (self.folder / name / "paused").unlink(missing_ok=True)
        assert process.wait(60) == 0, (self.folder / name / "printed").read_text()

    def result(self, name: str, *arguments: Any, **options: Any) -> bytes:
        """The predictions of a job that nothing happens to."""
        self.finish(name, self.start(name, *arguments, **options))
        return self.predictions(name)

    def predictions(self, name: str) -> bytes:
        return (self.folder / name / "predictions.jsonl").read_bytes()

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text()

    def workers(self) -> list[psutil.Process]:
        """The processes that serve the run, when none of its jobs runs."""
        return [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(self.folder)]

    def worker(self) -> psutil.Process:
        (found,) = self.workers()
        return found


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """A run, and no process of it afterwards."""
    with subprocess.Popen(["sleep", "1000"]) as run:
        made = Jobs(tmp_path_factory.mktemp("run"), run)
        yield made
        run.kill()
        run.wait()
        wait_until(lambda: made.workers() == [], lambda: str(made.workers()))


def alone(folder: Path, *arguments: Any, **changes: Any) -> bytes:
    """The predictions of a job that loads the model itself."""
    return run_predict(folder / "alone", *arguments, **changes).read_bytes()


def test_one_process_answers_all_jobs_of_a_run_with_the_bytes_of_jobs_alone(
    jobs: Jobs, tiny_base: Path, other_base: Path, fluent_adapter: Path, tmp_path: Path
) -> None:
    """Other models and ways of decoding between them leave nothing behind."""
    cases: list[tuple[Path, Path | None, Any]] = [
        (tiny_base, fluent_adapter, None),
        (other_base, None, SAMPLED),
        (tiny_base, fluent_adapter, SAMPLED),
    ]
    numbers = set()
    for number, case in enumerate(cases):
        made = jobs.result(str(number), *case)
        assert made == alone(tmp_path / f"alone-{number}", *case), number
        numbers.add(jobs.worker().pid)
    assert len(numbers) == 1


def test_jobs_of_a_run_need_no_library_of_models(jobs: Jobs, tiny_base: Path) -> None:
    """Problems that only the process sees are told as in a job alone."""
    first = jobs.result("first", tiny_base)
    worker = jobs.worker().pid
    short = prediction_settings(decoding={"max_length": 26})
    assert jobs.start("refused", tiny_base, settings=short, **NO_MODELS).wait(60) == 1
    (line,) = [line for line in jobs.log("refused").splitlines() if "error" in line]
    assert line.startswith("error: record r") and line.endswith("raise `max_length`")
    assert jobs.result("second", tiny_base, **NO_MODELS) == first
    assert jobs.worker().pid == worker


def test_kill_9_of_a_job_and_then_of_the_process_costs_no_finished_batch(
    jobs: Jobs, tiny_base: Path, tmp_path: Path
) -> None:
    paused = jobs.start("job", tiny_base, pause_at=3)
    marker = jobs.folder / "job/paused"
    os.kill(int(marker.read_text()), signal.SIGKILL)
    paused.wait()
    marker.unlink()
    worker = jobs.worker()
    paused = jobs.start("job", tiny_base, pause_at=2)
    assert "7 prompts in 5 batches, 2 already done" in jobs.log("job")
    assert worker in jobs.workers()
    worker.kill()
    jobs.finish("job", paused)
    log = jobs.log("job")
    assert "has ended, perhaps for lack of memory: this job loads the model itself" in log
    # Those of four batches, the last of which had been answered before.
    assert "7 prompts in 5 batches, 5 already done" in log
    assert jobs.predictions("job") == alone(tmp_path, tiny_base)
