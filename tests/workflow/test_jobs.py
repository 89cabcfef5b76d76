"""The rules use all that the library states of them, inputs and parameters alike.

What `why.py` and `adopt.py` say rests on that statement.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support import warm
from support.scratch import copy_project

from ecslm.plan.plan import Plan
from ecslm.plan.rules import Job

# Ask Snakemake itself, since a dry run does not print parameters.
ASK = """
import json, sys
from pathlib import Path
from snakemake.api import *

with SnakemakeApi(OutputSettings()) as api:
    made = api.workflow(
        ResourceSettings(cores=1),
        config_settings=ConfigSettings(config={"study": sys.argv[1]}),
        snakefile=Path("Snakefile"),
    )
    made.dag(DAGSettings(targets={"all", "report", "latency", "export"}))
    workflow = made._workflow
    workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
    workflow._build_dag()
    jobs = [
        {
            "rule": job.rule.name,
            "outputs": list(map(str, job.output)),
            "inputs": list(map(str, job.input)),
            "params": list(job.non_derived_params),
        }
        for job in workflow.dag.jobs
        if job.output
    ]
    json.dump(jobs, sys.stdout)
"""

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
    print("jobs" in vars(workflow.globals["PLAN"]), "RUN" in workflow.globals)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module", params=["demo", "paper"])
def both(request: pytest.FixtureRequest, project: Path) -> list[tuple[Job, dict[str, Any]]]:
    """Each job of a shipped study as the library has it, beside Snakemake's."""
    run = warm.run(["-c", ASK, request.param], project)
    assert run.returncode == 0, run.stderr
    with contextlib.chdir(project):
        jobs = {job.manifest: job for job in Plan.read([], request.param).jobs}
    theirs = {
        next(path for path in job["outputs"] if path.endswith("manifest.json")): job
        for job in json.loads(run.stdout)
    }
    assert jobs.keys() == theirs.keys()
    return [(job, theirs[manifest]) for manifest, job in jobs.items()]


def test_jobs_have_the_rule_and_the_results_that_snakemake_gives_them(
    both: list[tuple[Job, dict[str, Any]]],
) -> None:
    for job, theirs in both:
        assert job.rule == theirs["rule"]
        assert {*job.results, job.manifest} <= set(theirs["outputs"])


def test_jobs_read_the_inputs_that_snakemake_gives_them(
    both: list[tuple[Job, dict[str, Any]]],
) -> None:
    """But for the source of dataset files: a parameter ties them to it."""
    for job, theirs in both:
        assert set(job.inputs) == (set() if job.rule == "dataset" else set(theirs["inputs"]))


def test_jobs_have_the_parameters_that_snakemake_compares(
    both: list[tuple[Job, dict[str, Any]]],
) -> None:
    """Beside folders, which are no setting."""
    for job, theirs in both:
        ours = {job.settings, job.content, job.template, job.versions, job.code} - {None}
        folders = {value for value in theirs["params"] if str(value).startswith("results/")}
        # A base has no versions where nothing converts its weights.
        assert ours == set(theirs["params"]) - folders - {None}


def test_each_job_comes_after_those_whose_results_it_reads(
    both: list[tuple[Job, dict[str, Any]]],
) -> None:
    made: set[str] = set()
    results = {path for job, _ in both for path in (*job.results, job.manifest)}
    for job, _ in both:
        assert results.intersection(job.inputs) <= made
        made |= {*job.results, job.manifest}


def test_a_process_for_one_job_works_out_no_other_and_checks_no_results(project: Path) -> None:
    run = warm.run(["-c", ONE_JOB], project)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "['dataset', 'score_baseline']\nFalse False\n"


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
