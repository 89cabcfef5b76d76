"""Where jobs run, on a cluster and on a machine with GPUs: rules and profiles say the same."""

import re
from typing import Any

import pytest
import yaml
from support.project import ROOT

RULES = {
    match[1]: match[2]
    for path in sorted(ROOT.glob("rules/*.smk"))
    for match in re.finditer(
        r"^rule (\w+):\n((?:(?: .*)?\n)*)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
}
ON_A_GPU = {name for name, text in RULES.items() if re.search(r"^ +gpu=", text, re.MULTILINE)}


def profile(name: str) -> dict[str, Any]:
    path = ROOT / f"profiles/{name}/config.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_rules_that_need_no_gpu_run_where_snakemake_does() -> None:
    text = (ROOT / "rules/targets.smk").read_text(encoding="utf-8")
    local = re.search(r"^localrules:\n((?: +\w+,\n)+)", text, re.MULTILINE)
    assert local
    # The target of a whole run stands in the Snakefile.
    assert {*re.findall(r"\w+", local[1])} == {"all", *RULES} - ON_A_GPU


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
