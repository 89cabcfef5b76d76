"""What a dry run plans: exact jobs of the shipped studies, and which rules ask for a GPU."""

import json
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
    json.dump(found, sys.stdout)
"""
Rules = dict[str, tuple[bool, dict[str, int | str]]]
DEMO = {
    "all": 1,
    "base_model": 2,
    "check_data": 1,
    "dataset": 30,
    "describe_data": 10,
    "leakage": 10,
    "data_card": 1,
    "train_adapter": 1,
    "predict": 49,
    "measure_latency": 1,
    "bertscore": 4,
    "score": 49,
    "score_baseline": 22,
    "choose_baseline": 10,
    "differences": 10,
    "compare": 1,
    "tidy_scores": 1,
    "render_table": 9,
    "draw_figures": 1,
    "draw_rule_graph": 1,
    "report_page": 1,
}
PAPER = {
    "all": 1,
    "base_model": 9,
    "check_data": 1,
    "dataset": 30,
    "describe_data": 10,
    "leakage": 10,
    "data_card": 1,
    "train_adapter": 30,
    "predict": 684,
    "measure_latency": 6,
    "bertscore": 50,
    "score": 684,
    "score_baseline": 22,
    "choose_baseline": 10,
    "score_over_seeds": 146,
    "differences": 10,
    "compare": 1,
    "tidy_scores": 1,
    "render_table": 14,
    "draw_figures": 1,
    "draw_rule_graph": 1,
    "report_page": 1,
}
# Nothing is trained and no model runs, but the encoder of BERTScores.
AUTHORS = {
    "all": 1,
    "base_model": 1,
    "check_data": 1,
    "dataset": 30,
    "leakage": 10,
    "fetch_answers": 1,
    "predict": 70,
    "bertscore": 7,
    "score": 70,
    "score_baseline": 22,
    "choose_baseline": 10,
    "differences": 10,
    "compare": 1,
    "tidy_scores": 1,
    "render_table": 6,
    "draw_figures": 1,
    "draw_rule_graph": 1,
    "report_page": 1,
}

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


@pytest.mark.parametrize(
    ("arguments", "jobs"),
    [
        ((), DEMO),
        (("--config", "study=paper"), PAPER),
        (("--config", "study=authors"), AUTHORS),
        (("--", "datasets"), {"datasets": 1, "check_data": 1, "dataset": 30}),
        (
            ("--config", "study=paper", "--", "results/paper/tables/parameters.tex"),
            {"render_table": 1},
        ),
        (
            ("--", "report"),
            {rule: count for rule, count in DEMO.items() if rule not in ("all", "tidy_scores")}
            | {"report": 1, "report_pdf": 1},
        ),
        (("--", "export"), EXPORT),
    ],
    ids=[
        "demo",
        "paper",
        "authors",
        "datasets",
        "parameters of the paper need nothing else",
        "report",
        "export",
    ],
)
def test_a_dry_run_plans_exactly_these_jobs(
    project: Path, arguments: tuple[str, ...], jobs: dict[str, int]
) -> None:
    run = snakemake(project, "--dry-run", *arguments)
    assert run.returncode == 0, run.stderr
    assert planned_jobs(run.stdout + run.stderr) == jobs


@pytest.fixture(scope="module")
def rules(project: Path) -> Rules:
    """By rule, as Snakemake has it: whether its jobs stay here, and what they ask for."""
    run = warm.run(["-c", ASK], project)
    assert run.returncode == 0, run.stderr
    return {rule: tuple(found) for rule, found in json.loads(run.stdout).items()}


def asked(rules: Rules, resource: str) -> dict[str, int | str]:
    """What the rules that ask for a resource ask for."""
    return {rule: found[resource] for rule, (_, found) in rules.items() if resource in found}


def test_only_jobs_that_run_a_model_ask_for_a_gpu(rules: Rules) -> None:
    assert asked(rules, "gpu") == {
        "train_adapter": 1,
        # The backend's.
        "predict": "function(...)",
        "measure_latency": 1,
        "bertscore": 1,
        "export_model": 1,
    }


def test_jobs_that_run_a_model_ask_for_memory_and_time_by_its_size(rules: Rules) -> None:
    by_size = dict.fromkeys(asked(rules, "gpu"), "function(...)")
    assert asked(rules, "mem_mb") == by_size
    assert asked(rules, "runtime") == by_size


def test_only_jobs_that_ask_for_a_gpu_are_sent_to_a_cluster(rules: Rules) -> None:
    assert {rule for rule, (here, _) in rules.items() if not here} == {*asked(rules, "gpu")}


@pytest.mark.parametrize(
    ("configuration", "lines"),
    [
        ("study=papre", ["study: papre is not in studies: did you mean `paper`?"]),
        (
            'studies={"demo": {"trainin": {}, "models": {"SmolLM2-135M": {"base": "SmolLM"}}}}',
            [
                "studies.demo.trainin: unknown key: did you mean `training`?",
                "studies.demo.models.SmolLM2-135M.base: SmolLM is not in bases: "
                "did you mean `SmolLM-360M`?",
            ],
        ),
        (
            'studies={"demo": {"data": {"source": "path", "path": "gone.jsonl", "seed": null, '
            '"train": null, "val": null, "test_ind": null, "test_ood": null}}}',
            ["studies.demo.data.seed: unknown key"],
        ),
    ],
)
def test_a_bad_configuration_stops_with_a_line_for_each_problem(
    project: Path, configuration: str, lines: list[str]
) -> None:
    run = snakemake(project, "--dry-run", "--config", configuration)
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    for line in lines:
        assert any(error.startswith(f"error: {line}") for error in errors), run.stderr
