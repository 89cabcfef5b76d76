"""Profiles for GPUs and for a cluster name the rules that run models, as the checks do."""

import re
from typing import Any

import pytest
import yaml
from support.project import ROOT

RULE = re.compile(r"^rule (\w+):\n((?:(?: .*)?\n)*)", re.MULTILINE)
FOUND = [
    match
    for path in (ROOT / "Snakefile", *ROOT.glob("rules/*.smk"))
    for match in RULE.finditer(path.read_text(encoding="utf-8"))
]
ON_A_GPU = {match[1] for match in FOUND if re.search(r"^ +gpu=", match[2], re.MULTILINE)}


def profile(name: str) -> dict[str, Any]:
    path = ROOT / f"profiles/{name}/config.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ("gpu", "slurm"))
def test_profiles_with_gpus_put_every_rule_that_runs_a_model_there(name: str) -> None:
    found = [entry.split(":") for entry in profile(name)["set-resources"]]
    assert sorted(found) == sorted([rule, "device=cuda"] for rule in ON_A_GPU)


def test_tasks_of_one_model_and_seed_are_one_job_of_a_cluster_with_one_gpu() -> None:
    slurm = profile("slurm")
    (grouped,) = slurm["groups"]
    rule, group = grouped.split("=")
    assert (rule, {*re.findall(r"{(\w+)}", group)}) == ("predict", {"model", "seed"})
    (components,) = slurm["group-components"]
    assert components.rpartition("=")[0] == group
    # Otherwise a group would ask for the sum of what its tasks need.
    assert "gpu=local" in slurm["set-resource-scopes"]
