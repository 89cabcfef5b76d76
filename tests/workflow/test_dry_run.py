"""What the rules plan: exact jobs of the shipped studies, and those of a process for one."""

import os
from collections import Counter
from pathlib import Path

import pytest
from support import warm
from support.scratch import copy_project, errors, planned_jobs, snakemake

from ecslm.common.files import read_csv
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag

# As a scheduler starts it on another machine, for one job.
ONE_JOB = """
import os
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
    print(sorted({rule.name for rule in workflow.rules} - workflow._localrules))
    print(os.environ.get("GOMP_SPINCOUNT"))
"""
# Jobs of each rule, in the shipped studies. That of the authors' answers trains nothing and runs no
# model, but the encoder of BERTScores.
JOBS = read_csv(Path(__file__).with_name("jobs_of_studies.csv"), ("rule",))


def jobs_of(study: str) -> dict[str, int]:
    """The jobs of a study, by rule."""
    return {row["rule"]: int(row[study]) for row in JOBS if row[study] != "0"}


DEMO = jobs_of("demo")
# A card shows the scores of its model beside the best simple baselines.
SCORED = (
    *("base_model", "check_data", "dataset", "train_adapter", "predict", "bertscore", "score"),
    *("score_baseline", "choose_baseline", "tidy_scores"),
)
EXPORT = {**{rule: DEMO[rule] for rule in SCORED}, "export_model": 1, "model_card": 1}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize(
    ("study", "target", "jobs"),
    [
        ("authors", "all", jobs_of("authors")),
        ("demo", "datasets", {"check_data": 1, "dataset": 30}),
        # They need nothing else.
        ("paper", "results/paper/tables/parameters.tex", {"render_table": 1}),
        ("demo", "report", Counter(DEMO) + Counter(["report_pdf"])),
        ("demo", "export", EXPORT),
    ],
)
def test_a_target_needs_exactly_these_jobs(
    study: str, target: str, jobs: dict[str, int], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with read_dag(Choice((), study), [target]) as dag:
        assert Counter(job.rule for job in dag.jobs if job.due) == jobs


def test_the_study_of_the_paper_has_these_jobs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a graph of all of them."""
    monkeypatch.chdir(project)
    with read_dag(Choice((), "paper"), ["results/paper/tables/parameters.tex"]) as dag:
        jobs = {rule: len(keys) for rule, keys in dag._workflow.globals["JOBS"].items()}
        # For Snakemake's own report.
        assert len(dag._workflow.globals["config"]["captions"]) == jobs["render_table"]
    # By targets of their own, but for the latencies that a table shows.
    others = {"export_model": 10, "model_card": 10, "report_pdf": 1, "measure_latency": 38}
    assert {rule: count for rule, count in jobs.items() if count} == jobs_of("paper") | others


def test_a_dry_run_of_the_demo_plans_them(project: Path) -> None:
    run = snakemake(project, "--dry-run")
    assert run.returncode == 0, run.stderr
    assert planned_jobs(run.stdout + run.stderr) == DEMO | {"all": 1}


def test_an_export_of_a_study_without_a_tuned_model_says_what_to_do(project: Path) -> None:
    run = snakemake(project, "--dry-run", "--config", "study=authors", "--", "export")
    assert errors(run.stderr) == [
        "export: no model of study authors is tuned: give a model `training`, or name a study "
        "that has one"
    ]


SENT = ["bertscore", "export_model", "measure_latency", "predict", "train_adapter"]


@pytest.mark.parametrize(("policy", "limit"), [(None, 10000), ("active", None)])
def test_a_process_for_one_job_works_out_no_other_and_its_threads_wait_as_the_user_says(
    project: Path, policy: str | None, limit: int | None
) -> None:
    """Or they leave cores to others. Jobs that run a model go to a cluster; none checks results."""
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    told = {} if policy is None else {"OMP_WAIT_POLICY": policy}
    run = warm.run(["-c", ONE_JOB], project, environment | told)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"['dataset', 'score_baseline']\n() False\n{SENT}\n{limit}\n"
