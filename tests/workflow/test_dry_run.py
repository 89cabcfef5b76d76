"""What the rules plan: exact jobs of the shipped studies, and which rules ask for a GPU."""

import json
import os
from pathlib import Path

import pytest
from support import warm
from support.scratch import copy_project, planned_jobs, snakemake

ASK = """
import json, sys
from pathlib import Path
from snakemake.api import *

with SnakemakeApi(OutputSettings()) as api:
    workflow = api.workflow(ResourceSettings(), snakefile=Path("Snakefile"))._workflow
    found = {
        rule.name: (
            rule.name in workflow._localrules,
            {
                name: "function(...)" if asked.is_evaluable() else asked.value
                for name, asked in rule.resources.items()
            },
        )
        for rule in workflow.rules
    }
print(json.dumps(found))
"""
# As a scheduler starts it on another machine, for one job.
ONE_JOB = """
from pathlib import Path
from snakemake.api import *
from snakemake_interface_executor_plugins.settings import ExecMode

remote = WorkflowSettings(exec_mode=ExecMode.REMOTE)
with SnakemakeApi(OutputSettings()) as api:
    made = api.workflow(ResourceSettings(cores=1), workflow_settings=remote)
    made.dag(DAGSettings(targets={"results/demo/metrics/random/seed-0/PM.json"}))
    workflow = made._workflow
    workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
    workflow._build_dag()
    print(sorted(job.rule.name for job in workflow.dag.jobs))
    print(workflow.globals["MADE"], "RUN" in workflow.globals)
"""
Rules = dict[str, tuple[bool, dict[str, int | str]]]
# Jobs of each rule, in the shipped studies. That of the authors' answers trains nothing and runs no
# model, but the encoder of BERTScores.
JOBS = """
                  demo paper authors
all                  1     1       1
base_model           2     9       1
check_data           1     1       1
dataset             30    30      30
describe_data       10    10       0
leakage             10    10      10
data_card            1     1       0
fetch_answers        0     0       1
train_adapter        1    30       0
predict             49   684      70
measure_latency      1     6       0
bertscore            4    50       7
score               49   684      70
score_baseline      22    22      22
choose_baseline     10    10      10
score_over_seeds     0   146       0
differences         10    10      10
compare              1     1       1
tidy_scores          1     1       1
render_table         9    14       6
draw_figures         1     1       1
report_page          1     1       1
"""


def jobs_of(study: str) -> dict[str, int]:
    """The jobs of a study, by rule."""
    head, *rows = (line.split() for line in JOBS.strip().splitlines())
    counts = {rule: int(numbers[head.index(study)]) for rule, *numbers in rows}
    return {rule: count for rule, count in counts.items() if count}


DEMO = jobs_of("demo")
# Of the demo's only tuned model, and of what may be the best simple baseline beside it.
EXPORT = {
    "export": 1,
    **{rule: DEMO[rule] for rule in ("base_model", "check_data", "dataset", "score_baseline")},
    **{"choose_baseline": 10, "train_adapter": 1, "predict": 30, "bertscore": 3, "score": 30},
    **{"export_model": 1, "model_card": 1},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


PARAMETERS = "results/paper/tables/parameters.tex"
REPORT = {**DEMO, "report": 1, "report_pdf": 1}
del REPORT["all"]
PLANS = {
    "": DEMO,
    "--config study=paper": jobs_of("paper"),
    "--config study=authors": jobs_of("authors"),
    "-- datasets": {"datasets": 1, "check_data": 1, "dataset": 30},
    # They need nothing else.
    f"--config study=paper -- {PARAMETERS}": {"render_table": 1},
    "-- report": REPORT,
    "-- export": EXPORT,
}


@pytest.mark.parametrize("arguments", PLANS)
def test_a_dry_run_plans_exactly_these_jobs(project: Path, arguments: str) -> None:
    run = snakemake(project, "--dry-run", *arguments.split())
    assert run.returncode == 0, run.stderr
    assert planned_jobs(run.stdout + run.stderr) == PLANS[arguments]


@pytest.fixture(scope="module")
def rules(project: Path) -> Rules:
    """By rule, as Snakemake has it: whether its jobs stay here, and what they ask for."""
    run = warm.run(["-c", ASK], project)
    assert run.returncode == 0, run.stderr
    return {rule: tuple(found) for rule, found in json.loads(run.stdout).items()}


def test_only_jobs_that_run_a_model_ask_for_a_gpu_memory_and_time_and_go_to_a_cluster(
    rules: Rules,
) -> None:
    asked = {
        name: {rule: found[name] for rule, (_, found) in rules.items() if name in found}
        for name in ("gpu", "mem_mb", "runtime")
    }
    assert asked["gpu"] == {
        "train_adapter": 1,
        # The backend's.
        "predict": "function(...)",
        "measure_latency": 1,
        "bertscore": 1,
        "export_model": 1,
    }
    by_size = dict.fromkeys(asked["gpu"], "function(...)")
    assert asked["mem_mb"] == asked["runtime"] == by_size
    assert {rule for rule, (here, _) in rules.items() if not here} == {*by_size}


def test_a_process_for_one_job_works_out_no_other_and_checks_no_results(project: Path) -> None:
    run = warm.run(["-c", ONE_JOB], project)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "['dataset', 'score_baseline']\n() False\n"


def test_threads_of_jobs_wait_as_the_user_says_or_leave_cores_to_others(project: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    told = "import os; print(os.environ.get('GOMP_SPINCOUNT'))"
    for variables, limit in (({}, "10000"), ({"OMP_WAIT_POLICY": "active"}, None)):
        run = warm.run(["-c", ASK + told], project, environment | variables)
        assert run.returncode == 0, run.stderr
        assert run.stdout.endswith(f"{limit}\n")
