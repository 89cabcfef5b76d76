"""Jobs of models that a server runs: what they need, and what reruns them."""

import re
from typing import Any

import pytest
import yaml
from support.plans import MODELS, Raw, plan
from support.project import ROOT
from support.stated_jobs import StatedJob, first_files, job_of, stated_jobs

from ecslm.plan.plan import Plan

SERVER: Raw = {"url": "https://models.example/v1", "model": "large-1"}
PRICES: Raw = {"input": 10, "output": 30, "currency": "USD", "as_of": "2024-04-09"}


def made(changes: Raw | None = None, **study: Any) -> Plan:
    """The plan of a study with a model that a server runs, with changes of its entry."""
    large = {"backend": "openai", "server": SERVER, "template": "alpaca"} | (changes or {})
    return plan(models=MODELS | {"Large": large}, **study)


def asked(of: Plan, task: str = "PM", model: str = "Large") -> StatedJob:
    """The prediction of a task."""
    return job_of(of, "predict", model=model, seed=0, task=task)


def settings(of: Plan, task: str = "PM") -> tuple[str, str]:
    """Parameters of the prediction of a task."""
    return asked(of, task).settings, asked(of, task).versions


def documented() -> Raw:
    """The models of the examples in the documentation."""
    text = (ROOT / "docs/own-model.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found: Raw = {}
    for block in blocks:
        if "backend: openai" in block:
            content = yaml.safe_load(block)
            found |= content.get("models", content)
    return found


def test_the_documented_examples_are_valid() -> None:
    models = documented()
    assert len(models) == 4
    settings = ["IND_Diverse_Instruction", "IND_Diverse_Instruction_1-shot"]
    assert set(plan(models=MODELS | models, settings=settings).study.settings.models) > set(models)


def test_jobs_need_the_server_and_neither_gpu_nor_threads_nor_weights() -> None:
    found = asked(made(threads=8))
    needs = [found.resources[name] for name in ("api", "gpu", "_cores")]
    assert needs == [1, 0, 1]
    assert found.inputs == ("results/shop/dataset/PM/test.jsonl",)
    local = asked(made(), model="Small").resources
    assert [local[name] for name in ("api", "gpu", "access")] == [0, 1, 0]


def test_how_a_server_is_reached_reruns_nothing_and_is_told_to_the_job() -> None:
    access = {"key": "SHOP_KEY", "concurrency": 3, "prices": PRICES, "budget": 7}
    with_access = made({"access": access})
    assert settings(with_access) == settings(made())
    told = asked(with_access).resources["access"]
    assert '"budget":7.0' in told
    assert '"key":"SHOP_KEY"' in told


def test_the_prices_of_a_server_are_a_parameter_of_the_table_of_costs_alone() -> None:
    cost = {"kind": "cost", "models": ["Large", "Small-EC"]}
    kinds = {"cost": cost, "parameters": {"kind": "parameters", "models": ["Small-EC"]}}
    tables = {name: kind | {"label": name, "caption": "X"} for name, kind in kinds.items()}
    one, two = (
        made({"access": {"prices": PRICES | {"input": price}}}, tables=tables) for price in (10, 5)
    )
    jobs, others = stated_jobs(one), stated_jobs(two)
    changed = {name for name, job in jobs.items() if job.params != others[name].params}
    assert changed == {"render_table cost"}
    read = jobs["render_table cost"].inputs
    assert {path for path in read if "/Large/" in path} == {
        path.replace(".jsonl", ".cost.json")
        for path in first_files(one, "predict")
        if "/Large/" in path
    }
    assert "results/shop/adapters/Small-EC/seed-1/cost.json" in read


@pytest.mark.parametrize(
    "changes",
    [
        {"server": SERVER | {"model": "large-2"}},
        {"server": SERVER | {"url": "https://other.example/v1"}},
        {"server": SERVER | {"api": "completions"}},
        {"shots": 1},
    ],
)
def test_what_the_server_is_asked_reruns_its_predictions(changes: Raw) -> None:
    both = ["IND_Diverse_Instruction", "IND_Diverse_Instruction_1-shot"]
    assert settings(made(changes, settings=both)) != settings(made(settings=both))


def test_settings_that_no_server_is_told_rerun_none_of_its_predictions() -> None:
    local = made(
        decoding={"max_length": 999, "fused": False, "oom": "halve"},
        batch_tokens=99,
        precision={"quantization": "none"},
    )
    assert settings(local) == settings(made())
    assert settings(made(decoding={"max_new_tokens": 9})) != settings(made())


def test_own_decoding_of_a_model_replaces_single_keys_in_every_task() -> None:
    """Even beyond the longest prompt of local models: a server cuts none."""
    study = {"decoding": {"max_length": 999}, "task_decoding": {"AG": {"sample": True}}}
    parameter, _ = settings(made({"decoding": {"max_new_tokens": 5000}}, **study), "AG")
    assert '"max_new_tokens":5000,"sample":true' in parameter


def test_decoding_of_a_task_is_told_to_the_server() -> None:
    parameter, _ = settings(made(task_decoding={"AG": {"max_new_tokens": 77}}), "AG")
    assert '"max_new_tokens":77' in parameter
