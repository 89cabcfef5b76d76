"""The statement of a rule: what all rules have, and what their Snakemake directives take."""

import argparse
import re
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
from support.plans import IND, MODELS, first_files, plan
from support.project import ROOT
from support.scripts import function_of

from ecslm.data.location import location
from ecslm.plan.directives import Directives
from ecslm.plan.keys import ModelKey, RunKey
from ecslm.plan.plan import Plan
from ecslm.plan.rules import Rule, as_tuple
from ecslm.script import command_line

CONTRASTS = {"tuning": {"kind": "models", "pairs": [["Small-EC", "Small"]], "settings": [IND]}}
TABLE = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}


ANSWERS = {"archive": "answers.tar.gz", "commit": "c0ffee00", "folder": "results"}
RECORDED = {"Other": {"backend": "recorded", "published": "other"}}


def whole_plan() -> Plan:
    """A plan with jobs of every rule."""
    return plan(
        comparisons={"contrasts": CONTRASTS},
        tables={"parameters": TABLE},
        models=MODELS | RECORDED,
        answers=ANSWERS,
    )


RULES = [pytest.param(rule, id=name) for name, rule in whole_plan().rules.items()]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_jobs_each_with_files_of_its_own(rule: Rule[Any]) -> None:
    made = [
        path
        for key in rule.all_keys()
        for name in rule.patterns
        for path in rule.output_paths(name, key)
    ]
    assert made
    assert len(set(made)) == len(made)
    assert not [path for path in made if "{" in path]


@pytest.mark.parametrize("rule", RULES)
def test_the_wildcards_of_a_rules_paths_are_what_tells_its_jobs_apart(rule: Rule[Any]) -> None:
    names = {field.name for field in fields(rule.key_type)}
    for pattern in (path for files in rule.patterns.values() for path in as_tuple(files)):
        assert set(re.findall(r"{(\w+)}", pattern)) == names


@pytest.mark.parametrize("rule", RULES)
def test_a_script_names_the_modules_of_its_digest_as_the_plan_does(
    rule: Rule[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It compares the digest with that of its own code."""
    if rule.script is None:
        return
    # The templates that settings name are relative.
    monkeypatch.chdir(ROOT)
    function = function_of(rule.script)
    read = {action.dest: action.type for action in command_line(function, "")._actions}
    where = location(rule.study.settings.data)
    for key in rule.all_keys():
        given = argparse.Namespace(location=read.get("location", str)(where))
        if "settings" in read:
            given.settings = read["settings"](rule.settings_parameter(key))
        assert tuple(function.ritual.modules(given)) == rule.modules(key)


@pytest.mark.parametrize("rule", RULES)
def test_the_manifest_is_deleted_last(rule: Rule[Any]) -> None:
    assert list(rule.patterns)[-1] == "manifest"


def test_outputs_with_clock_values_are_in_no_manifest() -> None:
    rule = whole_plan().rules["predict"]
    job = rule.job(RunKey("Small", "0", "PM"))
    assert job.results == ("results/shop/predictions/Small/seed-0/PM.jsonl",)
    assert job.key == {"model": "Small", "seed": "0", "task": "PM"}
    cost = "results/shop/predictions/Small/seed-0/PM.cost.json"
    assert rule.output_paths("cost", RunKey("Small", "0", "PM")) == (cost,)
    assert job.timed == (cost,)
    latency = whole_plan().rules["measure_latency"].job(ModelKey("Small"))
    assert (latency.results, latency.timed) == ((), ("results/shop/latency/Small.json",))


def test_latency_is_measured_of_weights_that_run_here_alone() -> None:
    made = whole_plan()
    assert first_files(made, "measure_latency") == [
        "results/shop/latency/Small.json",
        "results/shop/latency/Small-EC.json",
    ]
    assert "measure_latency" not in made.rules_of_all


def test_latency_is_that_of_the_answers_that_are_predicted_but_for_their_batches() -> None:
    made = plan(precision={"dtype": "bfloat16"}, latency={"prompts": 5})
    rule = made.rules["measure_latency"]
    settings = rule.settings(ModelKey("Small-EC"))
    for task, own in settings.tasks.items():
        predicted = made.rules["predict"].settings(RunKey("Small-EC", "0", task))
        assert own == predicted.model_copy(update={"batch_tokens": None})
        assert predicted.batch_tokens == 777
    other = plan(precision={"dtype": "bfloat16"}, latency={"prompts": 5}, batch_tokens=99)
    same = other.rules["measure_latency"].settings_parameter(ModelKey("Small-EC"))
    assert same == rule.settings_parameter(ModelKey("Small-EC"))
    inputs = rule.job(ModelKey("Small-EC")).inputs
    assert "results/shop/adapters/Small-EC/seed-0/manifest.json" in inputs
    assert {f"results/shop/dataset/{task}/test.jsonl" for task in settings.tasks} <= set(inputs)


def test_the_process_with_the_model_is_found_by_the_code_of_its_predictions() -> None:
    made = whole_plan()
    needs = made.rules["measure_latency"].needs(ModelKey("Small"))
    assert needs == {
        "gpu": 1,
        "worker_code": made.rules["predict"].job(RunKey("Small", "0", "PM")).code,
    }


def test_results_that_take_long_or_whose_source_may_be_away_are_never_deleted() -> None:
    kept = {name for name, rule in whole_plan().rules.items() if not rule.cheap}
    assert kept == {
        *("base_model", "check_data", "dataset"),
        *("fetch_answers", "train_adapter", "predict", "measure_latency", "bertscore"),
        "export_model",
    }


def test_a_result_is_made_by_one_job_alone() -> None:
    made = whole_plan()
    paths = [
        path
        for rule in made.rules.values()
        for key in rule.all_keys()
        for name in rule.patterns
        for path in rule.output_paths(name, key)
    ]
    assert len(set(paths)) == len(paths)


def test_each_job_comes_after_those_whose_results_it_reads() -> None:
    made = whole_plan()
    results = {path for job in made.jobs for path in (*job.results, job.manifest)}
    done: set[str] = set()
    for job in made.jobs:
        assert results.intersection(job.inputs) <= done, job
        done |= {*job.results, job.manifest}


def test_directives_take_a_jobs_files_and_parameters_from_its_wildcards() -> None:
    rule = whole_plan().rules["score"]
    stated, wildcards = Directives(rule), SimpleNamespace(model="Small", seed="0", task="AG")
    job = rule.job(RunKey("Small", "0", "AG"))
    assert stated.output("metrics") == "results/shop/metrics/{model}/seed-{seed}/{task}.json"
    assert {stated.input(name)(wildcards) for name in ("predictions", "bertscore")} == set(
        job.inputs
    )
    assert stated.settings(wildcards) == job.settings
    assert stated.code(wildcards) == job.code
    assert stated.versions(wildcards) == job.versions
    other = SimpleNamespace(model="Small", seed="0", task="PM")
    assert stated.input("bertscore")(other) == ()


def test_a_problem_in_what_a_parameter_reads_ends_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = plan(data={"source": "path", "path": "nowhere.jsonl"})
    content = Directives(made.rules["check_data"]).content
    with pytest.raises(SystemExit) as stopped:
        content(SimpleNamespace())
    assert stopped.value.code == 1
    assert (
        capsys.readouterr().err == "error: nowhere.jsonl: no such file: fix `data` of the study\n"
    )
