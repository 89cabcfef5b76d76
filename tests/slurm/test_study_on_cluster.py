"""A whole study on a real SLURM cluster gives what a run on this machine alone gives; a job that
fails there is named."""

import re
import shutil
from pathlib import Path

import pytest
from support.cluster_options import ON_THE_CLUSTER, start_on_the_cluster
from support.interruption import contents, leftovers
from support.scratch import planned_jobs, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("cluster")]

STUDY = ("--configfile", "tiny_study.yaml")
INTERRUPTED = ("--configfile", "interrupted_study.yaml", "--")
RESULTS = Path("results/tiny")
# What tells how long something took.
WITH_TIMES = ("latency/",)
# All that the cluster does. Tables and the report are made here, by the same code in both runs.
TARGETS = ("metrics", "latency", "export")


@pytest.fixture(scope="module")
def finished(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a run on the cluster."""
    project = shutil.copytree(new_project, tmp_path_factory.mktemp("on_cluster") / "project")
    printed = project / "printed.txt"
    run = start_on_the_cluster(
        project, printed, *ON_THE_CLUSTER, *STUDY, "--", *TARGETS, environment={}
    )
    assert run.wait(timeout=600) == 0, printed.read_text()
    return project


def test_a_study_on_the_cluster_has_the_bytes_of_one_on_this_machine(
    finished: Path, new_project: Path, tmp_path: Path
) -> None:
    here = shutil.copytree(new_project, tmp_path / "project")
    run = snakemake(here, *STUDY, "--cores", "all", "--", *TARGETS)
    assert run.returncode == 0, run.stdout + run.stderr
    for folder in (RESULTS, Path("results/bases")):
        made, expected = contents(finished / folder), contents(here / folder)
        assert {*made} ^ {*expected} == set()
        differing = [name for name in made if made[name] != expected[name]]
        assert [name for name in differing if not name.startswith(WITH_TIMES)] == []
    assert leftovers(finished) == []


@pytest.mark.parametrize("options", ((), ON_THE_CLUSTER))
def test_after_a_run_on_the_cluster_nothing_is_to_be_done_there_or_here(
    finished: Path, options: tuple[str, ...]
) -> None:
    run = snakemake(finished, *options, *STUDY, "--", *TARGETS)
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr


def test_tables_of_the_clusters_results_are_made_here_without_a_job_that_runs_a_model(
    finished: Path,
) -> None:
    run = snakemake(finished, *STUDY, "--dry-run")
    assert set(planned_jobs(run.stdout)) == {
        *("all", "describe_data", "leakage", "data_card", "tidy_costs", "render_table"),
        *("draw_figures", "report_page"),
    }


def test_a_job_that_fails_on_the_cluster_is_named_with_its_reason(
    new_project: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(new_project, tmp_path / "project")
    on_a_gpu = [one.replace("device=cpu", "device=cuda") for one in ON_THE_CLUSTER]
    output = project / "printed.txt"
    run = start_on_the_cluster(project, output, *on_a_gpu, *INTERRUPTED, "adapters", environment={})
    assert run.wait(timeout=120) == 1
    printed = output.read_text()
    assert re.search(
        r"failed: Train adapter Tiny-EC, seed 0, after .*\n  device: cuda is configured", printed
    )
    last = "error: Train adapter Tiny-EC, seed 0: device: cuda is configured"
    assert printed.splitlines()[-1].startswith(last)
    assert "Traceback" not in printed
