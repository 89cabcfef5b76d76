"""What a process that reads the rules does and leaves alone."""

import os
from pathlib import Path

import pytest
from support import warm
from support.scratch import copy_project

LOAD = """
from pathlib import Path
from snakemake.api import *

with SnakemakeApi(OutputSettings()) as api:
    api.workflow(ResourceSettings(), snakefile=Path("Snakefile"))._workflow
"""
# As a scheduler starts it on another machine, for one job.
ONE_JOB = """
from pathlib import Path
from snakemake.api import *
from snakemake_interface_executor_plugins.settings import ExecMode

with SnakemakeApi(OutputSettings()) as api:
    made = api.workflow(
        ResourceSettings(cores=1),
        workflow_settings=WorkflowSettings(exec_mode=ExecMode.REMOTE),
        snakefile=Path("Snakefile"),
    )
    made.dag(DAGSettings(targets={"results/demo/metrics/random/seed-0/PM.json"}))
    workflow = made._workflow
    workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
    workflow._build_dag()
    print(sorted(job.rule.name for job in workflow.dag.jobs))
    print(workflow.globals["MADE"], "RUN" in workflow.globals)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


def test_a_process_for_one_job_works_out_no_other_and_checks_no_results(project: Path) -> None:
    run = warm.run(["-c", ONE_JOB], project)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "['dataset', 'score_baseline']\n() False\n"


@pytest.mark.parametrize(
    ("variables", "limit"), [({}, "10000"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_threads_of_jobs_wait_as_the_user_says_or_leave_cores_to_others(
    project: Path, variables: dict[str, str], limit: str | None
) -> None:
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    code = f"{LOAD}import os; print(os.environ.get('GOMP_SPINCOUNT'))"
    run = warm.run(["-c", code], project, environment | variables)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{limit}\n"
