"""What jobs ask a cluster for is what Snakemake would ask for."""

import re
from dataclasses import replace
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from snakemake.resources import GroupResources
from support.planned_runs import planned_run
from support.plans import MODELS, plan
from support.project import ROOT

from ecslm.plan.rules import ModelRule
from ecslm.preflight.profiles import Profile, read_profile
from ecslm.preflight.slurm.asked import Asked, Place, asked, together

SERVER = {
    "backend": "openai",
    "server": {"url": "http://localhost:1/v1", "model": "m"},
    "template": "alpaca",
}
SEVERAL = {"models": {"Small-EC": MODELS["Small-EC"] | {"seeds": [0, 1]}}, "tasks": ["PM", "QPR"]}


def test_each_rule_runs_here_or_on_nodes() -> None:
    text = (ROOT / "rules/targets.smk").read_text(encoding="utf-8")
    local = set(re.findall(r"^    (\w+),$", text.partition("\n\n\n")[0], re.MULTILINE))
    rules = plan().rules
    on_nodes = {name for name, rule in rules.items() if isinstance(rule, ModelRule)}
    assert set(rules) == (set(rules) & local) | on_nodes
    assert not local & on_nodes


def test_jobs_ask_for_what_their_rules_say_unless_the_profile_says_other() -> None:
    profile = Profile(
        "slurm",
        executor="slurm",
        default_resources={"slurm_partition": "gpu,long", "slurm_account": "us", "runtime": "1"},
        set_resources={
            "train_adapter": {"gpu_model": "h100", "runtime": "90", "mem_mb": "7"},
            "predict": {"slurm_partition": "small", "gpu": "0", "mem_mb": "attempt * 9"},
        },
    )
    run = planned_run(profile, gpus=2)
    found = {one.rule: one for one in asked(run)}
    place = Place("gpu,long", "us", "h100")
    assert found["train_adapter"] == Asked(
        "train_adapter", "train_adapter Small-EC 0", place, gpus=2, memory_mb=7, minutes=90
    )
    predict = found["predict"]
    assert (predict.place, predict.gpus, predict.memory_mb) == (Place("small", "us"), 0, 0)
    rule = run.plan.rules["predict"]
    (key,) = rule.all_keys()
    assert predict.minutes == rule.request(key).minutes
    assert place.partitions == ("gpu", "long")
    assert Place().partitions == ()


def test_predictions_of_one_model_and_seed_are_one_job_where_the_profile_says_so() -> None:
    profile = read_profile("slurm")
    assert profile.grouped == {"predict"}
    run, alone = planned_run(profile, **SEVERAL), planned_run(Profile("slurm"), **SEVERAL)
    by_name = {one.name: one for one in asked(alone)}
    found = [one for one in asked(run) if one.rule == "predict"]
    assert [one.name for one in found] == [f"predict Small-EC {seed}" for seed in (0, 1)]
    for one in found:
        tasks = [by_name[f"{one.name} {task}"] for task in SEVERAL["tasks"]]
        assert one.minutes == sum(task.minutes for task in tasks)
        assert one.memory_mb == max(task.memory_mb for task in tasks)


def test_as_many_of_a_group_run_at_once_as_the_profile_has_gpus() -> None:
    profile = replace(read_profile("slurm"), gpus=2)
    for one in asked(planned_run(profile, **SEVERAL)):
        if one.rule == "predict":
            assert one.gpus == 2


def test_predictions_of_a_server_ask_for_no_gpu_each() -> None:
    models = {"Served": {**SERVER, "seeds": [0]}}
    run = planned_run(read_profile("slurm"), **(SEVERAL | {"models": models}))
    found = [(one.name, one.gpus) for one in asked(run) if one.rule == "predict"]
    assert found == [(f"predict Served 0 {task}", 0) for task in SEVERAL["tasks"]]


JOBS = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=9)


@given(JOBS, st.integers(1, 4))
def test_jobs_of_a_group_are_added_up_as_snakemake_does(
    jobs: list[tuple[int, int]], gpus: int
) -> None:
    own = [Asked("predict", f"predict M 0 {n}", Place(), 1, *job) for n, job in enumerate(jobs)]
    made = together(own, gpus)
    theirs = GroupResources.basic_layered(
        toposorted_jobs=[[job_of_snakemake(*job) for job in jobs]],
        constraints=SimpleNamespace(
            get=lambda name: SimpleNamespace(value=gpus if name == "gpu" else None)
        ),
        run_local=False,
    )
    assert (made.gpus, made.minutes) == (theirs["gpu"], theirs["runtime"])
    # Which of equally long jobs are together is not said.
    if len({minutes for _, minutes in jobs}) == len(jobs):
        assert made.memory_mb == theirs["mem_mb"]


def job_of_snakemake(memory_mb: int, minutes: int) -> SimpleNamespace:
    resources = {"gpu": 1, "mem_mb": memory_mb, "runtime": minutes, "_cores": 1, "_nodes": 1}
    return SimpleNamespace(resources=resources, pipe_group=None, is_group=lambda: False)


def test_jobs_that_run_here_ask_for_nothing() -> None:
    run = planned_run(Profile("slurm"))
    here = tuple(job for job in run.jobs if not isinstance(run.plan.rules[job.rule], ModelRule))
    assert here
    assert asked(replace(run, jobs=here)) == ()
