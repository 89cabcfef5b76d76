"""A profile is read as far as a run depends on it, and what cannot work is told with its fix."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.planned_runs import lines
from support.plans import plan
from support.project import ROOT
from support.stated_jobs import RULES

from ecslm.common.errors import InputError
from ecslm.common.files import write_text
from ecslm.preflight import check
from ecslm.preflight.check import check_profile
from ecslm.preflight.findings import PlannedRun
from ecslm.preflight.profiles import Profile, read_profile


def told(profile: Profile, rules: Collection[str] = ()) -> list[str]:
    """What is wrong with a profile of a run."""
    return lines(check_profile(PlannedRun(plan(), (), profile, rules)))


def write(text: str, name: str = "mine") -> None:
    """Write a profile in place of those of the project."""
    if Path("profiles").is_symlink():
        Path("profiles").unlink()
    path = Path(f"profiles/{name}/config.yaml")
    write_text(path, text)


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "profiles").iterdir()])
def test_each_profile_of_the_project_can_be_read_and_speaks_of_rules_that_there_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = read_profile(name)
    assert (profile.gpus, profile.is_local) == (1, name != "slurm")
    assert profile.grouped == ({"predict"} if name == "slurm" else set())
    monkeypatch.setattr(check, "find_spec", lambda _: object())
    assert not told(profile, RULES)


MAPPED: dict[str, dict[str, Any]] = {
    "resources": {"api": 1, "gpu": 4},
    "default-resources": {"slurm_partition": "gpu", "qos": "low"},
    "set-resources": {"predict": {"qos": "high"}},
    "groups": {"predict": "by_model"},
}
LISTED = {key: [f"{name}={value}" for name, value in MAPPED[key].items()] for key in MAPPED}
LISTED["set-resources"] = ["predict:qos=high"]


@pytest.mark.parametrize("form", [LISTED, MAPPED], ids=["listed", "mapped"])
def test_what_jobs_ask_for_is_that_of_the_profile_the_rule_or_the_default(form: object) -> None:
    write(yaml.safe_dump(form))
    profile = read_profile("mine")
    assert profile.gpus == 4
    asked = ((rule, given) for given in ("", 7) for rule in ("predict", "score"))
    found = [profile.resource(rule, "qos", given) for rule, given in asked]
    assert found == ["high", "low", "high", "7"]
    assert profile.resource("predict", "slurm_account") == ""
    assert profile.grouped == {"predict"}


def test_what_a_profile_does_not_say_is_unknown() -> None:
    for text in ("cores: 4\n", "resources: api=1\n"):
        write(text)
        assert read_profile("mine") == Profile("mine")


def test_a_profile_that_cannot_be_read_is_one_line() -> None:
    write("", "slurm")
    write("a: [", "broken")
    with pytest.raises(InputError, match=r"^profiles/slrum/config.yaml: no such .* `slurm`"):
        read_profile("slrum")
    with pytest.raises(InputError, match=r"^profiles/broken/config.yaml: line 2: not YAML "):
        read_profile("broken")


def test_a_misspelt_rule_which_a_run_would_pass_over_and_an_unknown_device_are_told() -> None:
    write("set-resources: [train_adaptor:device=gpu, score:runtime=5]")
    rules = ["predict", "score", "train_adapter"]
    where = "error: profiles/mine/config.yaml: set-resources"
    assert told(read_profile("mine"), rules) == [
        f"{where}: train_adaptor:device=gpu: expected cpu or cuda",
        f"{where}: no rule `train_adaptor`: did you mean `train_adapter`?",
    ]


def test_an_executor_without_its_plugin_names_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "find_spec", lambda _: None)
    lsf = "snakemake-executor-plugin-lsf"
    for executor, command in (("slurm", "make slurm"), ("lsf", f".venv/bin/pip install {lsf}")):
        (line,) = told(Profile("mine", executor=executor))
        plugin = f"its plugin snakemake-executor-plugin-{executor} is not installed"
        assert line == f"error: profiles/mine/config.yaml: {plugin}: run `{command}`"
