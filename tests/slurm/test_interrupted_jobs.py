"""Jobs on a SLURM cluster that are stopped, preempted or lost: nothing is trained twice."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.cluster import Cluster, slurm
from support.cluster_options import ON_THE_CLUSTER, start_on_the_cluster
from support.interruption import (
    Moment,
    PausedRun,
    contents,
    finish,
    leftovers,
    processes_in,
    run_until,
    wait_for_no_process,
    wait_until,
)
from support.scratch import Started, snakemake

pytestmark = pytest.mark.slow

RESULTS = Path("results/interrupted")
STUDY = ("--configfile", "interrupted_study.yaml", "--")
LOG = RESULTS / "logs/train_adapter/Tiny-EC-seed-0.log"
SECOND_CHECKPOINT = Moment(
    "the second checkpoint is not in place", "os.rename", "*/checkpoint.pt", 2
)
FROM_THE_CHECKPOINT = "12 steps, from step 4"


@pytest.fixture(scope="module")
def begun(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which an adapter alone is to be trained."""
    project = shutil.copytree(new_project, tmp_path_factory.mktemp("begun") / "project")
    finish(project, "--cores", "all", *STUDY, "datasets", "bases")
    return project


@pytest.fixture(scope="module")
def expected(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a training on this machine gives that nobody disturbs."""
    project = shutil.copytree(begun, tmp_path_factory.mktemp("expected") / "project")
    finish(project, "--cores", "all", *STUDY, "adapters")
    return contents(project / RESULTS)


@pytest.fixture
def project(cluster: Cluster, begun: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the project; the jobs and processes of a failed test are ended."""
    copy = shutil.copytree(begun, tmp_path / "project")
    yield copy
    slurm("scancel", "--user=root")
    for process in processes_in(copy):
        process.kill()
    wait_until(lambda: not cluster.jobs(), lambda: slurm("squeue"))


def train_until(project: Path, moment: Moment) -> PausedRun:
    """Run Snakemake until the job on the cluster pauses."""
    return run_until(
        project, moment, *ON_THE_CLUSTER, *STUDY, "adapters", start=start_on_the_cluster
    )


def wait_for_restart(run: PausedRun) -> PausedRun:
    """The cluster runs the job again by itself: until it pauses at the same moment once more."""
    run.paused.wait(timeout=120)
    run.release()
    wait_until(lambda: run.marker.exists() and run.marker.read_text(), run.printed.read_text)
    return replace(run, paused=psutil.Process(int(run.marker.read_text())))


def check_trained(project: Path, expected: dict[str, bytes]) -> None:
    """The adapter is there with the bytes of one that nobody disturbed, and nothing else is."""
    assert contents(project / RESULTS) == expected
    assert leftovers(project) == []
    run = snakemake(project, *STUDY, "adapters")
    assert "Nothing to be done" in run.stdout + run.stderr


def test_two_jobs_at_once_have_a_gpu_each_and_ctrl_c_leaves_neither(
    cluster: Cluster, project: Path, expected: dict[str, bytes]
) -> None:
    study = project / "interrupted_study.yaml"
    one_seed = study.read_text()
    study.write_text(one_seed.replace("training: {}", "training: {}, seeds: [0, 1]"))
    gpus: list[str] = []

    def start(*arguments: Any, **options: Any) -> Started:
        run = start_on_the_cluster(*arguments, **options)
        wait_until(lambda: len(gpus_in_use(project)) == 2, lambda: slurm("squeue"))
        gpus.extend(gpus_in_use(project))
        return run

    moment = replace(SECOND_CHECKPOINT, pattern=f"*/seed-0/{SECOND_CHECKPOINT.pattern}")
    run = run_until(project, moment, *ON_THE_CLUSTER, *STUDY, "adapters", start=start)
    assert sorted(gpus) == ["0", "1"]
    os.kill(run.snakemake.pid, signal.SIGINT)
    assert run.wait() != 0
    wait_until(lambda: not cluster.jobs(), lambda: slurm("squeue"))
    wait_for_no_process(project)
    assert "Traceback" not in run.printed.read_text()
    study.write_text(one_seed)
    shutil.rmtree(project / RESULTS / "adapters/Tiny-EC/seed-1")
    finish(project, "--cores", "all", *STUDY, "adapters")
    assert FROM_THE_CHECKPOINT in (project / LOG).read_text()
    check_trained(project, expected)


def gpus_in_use(project: Path) -> list[str]:
    """The GPU that SLURM lets each training see."""
    return [
        process.environ()["CUDA_VISIBLE_DEVICES"]
        for process in processes_in(project)
        if "scripts/train_adapter.py" in (process.info["cmdline"] or ())
    ]


def test_after_a_kill_of_snakemake_the_next_run_takes_what_the_first_job_trains(
    cluster: Cluster, project: Path, expected: dict[str, bytes]
) -> None:
    run = train_until(project, SECOND_CHECKPOINT)
    run.snakemake.kill()
    run.snakemake.wait()
    (first,) = cluster.jobs()
    (project / LOG).unlink()
    printed = project / "again.txt"
    again = start_on_the_cluster(
        project, printed, *ON_THE_CLUSTER, *STUDY, "adapters", environment={}
    )
    waiting = f"waiting for process {run.paused.pid} on {cluster.host}"
    wait_until(
        lambda: (project / LOG).exists() and waiting in (project / LOG).read_text(),
        printed.read_text,
    )
    assert len(cluster.jobs()) == 2
    run.release()
    assert again.wait(timeout=120) == 0, printed.read_text()
    # The first job's own Snakemake ends after the second has taken what it wrote.
    wait_until(lambda: first in cluster.jobs("COMPLETED"), printed.read_text)
    text = (project / LOG).read_text()
    assert "taken from the cache" in text
    assert "steps, from" not in text
    check_trained(project, expected)


def test_a_job_that_is_preempted_and_then_loses_its_node_goes_on_from_its_checkpoint(
    cluster: Cluster, project: Path, expected: dict[str, bytes]
) -> None:
    run = train_until(project, SECOND_CHECKPOINT)
    (job,) = cluster.jobs()
    cluster.preempt()
    run = wait_for_restart(run)
    assert FROM_THE_CHECKPOINT in (project / LOG).read_text()
    cluster.crash_node()
    cluster.start_node()
    # One checkpoint is left to write, so that it does not pause again.
    run.paused.wait(timeout=120)
    run.release()
    wait_until(
        lambda: (project / LOG).exists() and "12 steps, from step 8" in (project / LOG).read_text(),
        run.printed.read_text,
    )
    assert run.snakemake.wait(timeout=120) == 0, run.printed.read_text()
    # SLURM may start a preempted job again after it has ended; it then takes its results.
    wait_until(lambda: not cluster.jobs(), lambda: cluster.details(job))
    last = (project / LOG).read_text()
    assert "12 steps, from step 8" in last or "taken from the cache" in last, last
    assert "from step 0" not in last and FROM_THE_CHECKPOINT not in last, last
    assert job in cluster.jobs("COMPLETED"), cluster.details(job) + run.printed.read_text()
    check_trained(project, expected)
