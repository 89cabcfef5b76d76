"""Jobs that are stopped at any moment, in any way: the next run ends with the same bytes.

Moments within a job are those of its command alone, as Snakemake starts it.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.completed import complete, script_of
from support.graphs import due_commands
from support.interruption import (
    Moment,
    Stop,
    contents,
    finish,
    interrupt,
    kill_all,
    kill_paused,
    leftovers,
    processes_in,
    run_until,
    terminate,
    wait_until,
)
from support.scratch import copy_project, errors, snakemake, start_script, start_snakemake
from support.small_rows import write_small_rows
from support.tiny import write_tiny_model

pytestmark = pytest.mark.slow

STUDY = Path(__file__).with_name("interrupted_study.yaml")
RESULTS = Path("results/interrupted")
RUN = ("--cores", "all", "--configfile", STUDY.name)


@dataclass(frozen=True)
class Stage:
    """A target with one job, moments to stop it, and where its log says that it began or went on.

    `went_on` has a text for the start up to each moment, and one for the run to the end.
    """

    target: str
    log: Path
    moments: tuple[Moment, ...]
    went_on: tuple[str, ...]
    stops: tuple[Stop, ...]


TRAINING = Stage(
    "adapters",
    RESULTS / "logs/train_adapter/Tiny-EC-seed-0.log",
    (
        Moment("the first checkpoint is not in place", "os.rename", "*/checkpoint.pt"),
        Moment("the second checkpoint is not in place", "os.rename", "*/checkpoint.pt", 2),
        Moment("the adapter is half saved", "os.rename", "*/work/*/adapter_config.json"),
        Moment("all but the manifest are in place", "os.rename", "*/seed-0/manifest.json"),
    ),
    (
        "12 steps, from step 0",
        "12 steps, from step 0",
        "12 steps, from step 4",
        "12 steps, from step 12",
        "taken from the cache",
    ),
    (interrupt, kill_all, terminate, kill_all),
)
PREDICTION = Stage(
    "predictions",
    RESULTS / "logs/predict/Tiny-EC-seed-0-QPR.log",
    (
        Moment("three batches are noted", "open a+", "*/batches.jsonl", 4),
        Moment("all batches are noted", "os.rename", "*/made/predictions"),
        Moment("all but the manifest are in place", "os.rename", "*/seed-0/QPR.manifest.json"),
    ),
    (
        "12 prompts in 12 batches, 0 already done",
        "12 prompts in 12 batches, 3 already done",
        "12 prompts in 12 batches, 12 already done",
        "taken from the cache",
    ),
    (kill_all, interrupt, terminate),
)
OF_SNAKEMAKE = (
    Moment("the job has ended and is half recorded", "open w", "*/.snakemake/metadata/*", 2),
    Moment("the job is recorded and marked as begun", "os.remove", "*/.snakemake/incomplete/*", 2),
)


Expected = dict[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> dict[Stage, Path]:
    """For each stage a project in which only that stage's job and what needs it is to be done."""
    folder = tmp_path_factory.mktemp("begun")
    project = copy_project(folder / "training")
    shutil.copy(STUDY, project)
    write_tiny_model(project / "weights/model")
    write_small_rows(project / "rows.jsonl", train=16, val=2, test_ind=12)
    complete(project, STUDY.name, "interrupted", "datasets", "bases")
    after = shutil.copytree(project, folder / "prediction")
    complete(after, STUDY.name, "interrupted", "adapters")
    return {TRAINING: project, PREDICTION: after}


@pytest.fixture(scope="module")
def uninterrupted(begun: dict[Stage, Path], tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """What the results of runs to each target are when nothing happens on the way."""
    project = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(begun[PREDICTION], project)
    complete(project, STUDY.name, "interrupted", PREDICTION.target)
    folders = {TRAINING.target: begun[PREDICTION], PREDICTION.target: project}
    return {target: contents(folder / RESULTS) for target, folder in folders.items()}


@pytest.fixture
def project(
    begun: dict[Stage, Path], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Path]:
    """A copy of a stage's project, and the end of whatever a failed test leaves running in it."""
    stage = getattr(request, "param", TRAINING)
    copy = shutil.copytree(begun[stage], tmp_path / "project")
    yield copy
    for process in processes_in(copy):
        process.kill()


def check_finished(project: Path, uninterrupted: Expected, target: str) -> None:
    """All of a target is done, with the same bytes, and nothing else lies about."""
    assert contents(project / RESULTS) == uninterrupted[target]
    assert leftovers(project) == []
    assert due_commands(project, STUDY.name, "interrupted", target) == []


@pytest.mark.parametrize(
    ("stage", "project"),
    [(TRAINING, TRAINING), (PREDICTION, PREDICTION)],
    indirect=["project"],
    ids=["training", "prediction"],
)
def test_a_job_stopped_at_one_moment_after_the_other_ends_with_the_same_bytes(
    stage: Stage, project: Path, uninterrupted: Expected
) -> None:
    *to_moments, to_the_end = stage.went_on
    (command,) = due_commands(project, STUDY.name, "interrupted", stage.target)
    script, options = script_of(command)
    log = project / stage.log
    for moment, words, stop in zip(stage.moments, to_moments, stage.stops, strict=True):
        run = run_until(project, moment, f"scripts/{script}", *options, start=start_script)
        assert words in log.read_text(), moment
        stop(run)
        printed = log.read_text() + run.printed.read_text()
        assert "Traceback" not in printed
        assert stop is kill_all or "interrupted: run again" in printed
    finish(project, *RUN, "--", stage.target)
    assert to_the_end in log.read_text()
    check_finished(project, uninterrupted, stage.target)


def test_after_a_kill_of_snakemake_between_its_own_steps_the_next_run_ends_with_the_same_bytes(
    project: Path, uninterrupted: Expected
) -> None:
    for moment in OF_SNAKEMAKE:
        run = run_until(project, moment, *RUN, "--", TRAINING.target)
        assert run.paused.pid == run.snakemake.pid
        kill_paused(run)
    finish(project, *RUN, "--", TRAINING.target)
    # The cache has kept the results, though Snakemake deletes those that it saw no end of.
    assert "taken from the cache" in (project / TRAINING.log).read_text()
    check_finished(project, uninterrupted, TRAINING.target)


def test_a_second_run_is_refused_and_after_a_kill_of_the_first_takes_the_results_of_its_job(
    project: Path, uninterrupted: Expected
) -> None:
    to_adapters = (*RUN, "--", TRAINING.target)
    run = run_until(project, TRAINING.moments[1], *to_adapters)
    second = snakemake(project, *to_adapters)
    assert second.returncode == 1
    assert errors(second.stderr) == [
        f"results: in use by process {run.snakemake.pid} on {os.uname().nodename}: "
        "wait for it or stop it, then run again"
    ]
    run.snakemake.kill()
    run.snakemake.wait()
    log, printed = project / TRAINING.log, project / "again.txt"
    # The next run's job writes another.
    log.unlink()
    again = start_snakemake(project, printed, *to_adapters, environment={})
    waiting = f"waiting for process {run.paused.pid} on "
    wait_until(
        lambda: log.exists() and waiting in log.read_text(),
        printed.read_text,
        lambda: again.poll() is None,
    )
    run.release()
    assert again.wait() == 0, printed.read_text()
    assert not run.paused.is_running()
    assert "taken from the cache" in log.read_text()
    check_finished(project, uninterrupted, TRAINING.target)
