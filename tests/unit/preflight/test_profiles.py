"""A profile is read as far as a run depends on it, and what cannot work is told with its fix."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.planned_runs import lines
from support.project import ROOT
from support.stated_jobs import RULES

from ecslm.common.errors import InputError
from ecslm.preflight import profiles
from ecslm.preflight.profiles import Profile, check_profile, read_profile


def write(text: str, name: str = "mine") -> None:
    """Write a profile in place of those of the project."""
    if Path("profiles").is_symlink():
        Path("profiles").unlink()
    path = Path(f"profiles/{name}/config.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problem(name: str = "mine") -> str:
    with pytest.raises(InputError) as caught:
        read_profile(name)
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "profiles").iterdir()])
def test_each_profile_of_the_project_can_be_read(name: str) -> None:
    profile = read_profile(name)
    assert profile.file.is_file()
    assert profile.is_local == (name != "slurm")


@given(st.integers(0, 99), st.sampled_from(["list", "mapping", "text"]), st.booleans())
def test_the_number_of_gpus_is_read_in_each_form_that_snakemake_takes(
    number: int, form: str, others: bool
) -> None:
    more = {"api": 1, "mem_mb": 8000} if others else {}
    values = {**more, "gpu": number}
    listed = [f"{name}={value}" for name, value in values.items()]
    resources = {"list": listed, "mapping": values, "text": listed[-1]}[form]
    write(yaml.safe_dump({"resources": resources}))
    assert read_profile("mine").gpus == number


def test_jobs_are_one_for_the_executor_only_if_unconnected_ones_of_a_group_are() -> None:
    groups = {"groups": ["predict=by_model", "bertscore=all"]}
    write(yaml.safe_dump(groups | {"group-components": ["by_model=1000"]}))
    assert read_profile("mine").grouped == {"predict"}


@pytest.mark.parametrize("form", ["list", "mapping"])
def test_what_jobs_ask_for_is_that_of_the_profile_the_rule_or_the_default(form: str) -> None:
    defaults, chosen = {"slurm_partition": "gpu", "qos": "low"}, {"predict": {"qos": "high"}}
    listed = {
        "default-resources": [f"{name}={value}" for name, value in defaults.items()],
        "set-resources": ["predict:qos=high"],
    }
    mapped = {"default-resources": defaults, "set-resources": chosen}
    write(yaml.safe_dump(listed if form == "list" else mapped))
    profile = read_profile("mine")
    assert [profile.resource(rule, "qos") for rule in ("predict", "score")] == ["high", "low"]
    assert [profile.resource(rule, "qos", 7) for rule in ("predict", "score")] == ["high", "7"]
    assert profile.resource("predict", "slurm_account") == ""


@pytest.mark.parametrize("text", ["", "cores: 4\n", "resources: [api=1]\n"])
def test_what_a_profile_does_not_say_is_unknown(text: str) -> None:
    write(text)
    assert read_profile("mine") == Profile("mine")


def test_a_profile_that_is_not_there_names_the_nearest_or_all() -> None:
    write("", "gpu")
    write("", "slurm")
    assert problem("slrum") == (
        "profiles/slrum/config.yaml: no such profile: did you mean `slurm`?"
    )
    assert problem("cloud") == (
        "profiles/cloud/config.yaml: no such profile: expected one of gpu, slurm"
    )


def test_a_profile_that_cannot_be_read_is_one_line() -> None:
    write("a: [")
    assert problem().startswith("profiles/mine/config.yaml: not YAML (")


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "profiles").iterdir()])
def test_profiles_of_the_project_speak_of_rules_that_there_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "find_spec", lambda _: object())
    assert not lines(check_profile(read_profile(name), RULES))


def test_a_misspelt_rule_or_device_which_a_run_would_pass_over_is_an_error() -> None:
    write("set-resources: [train_adaptor:device=cuda, predict:device=gpu, score:runtime=5]")
    file = "profiles/mine/config.yaml: set-resources"
    assert lines(check_profile(read_profile("mine"), ["predict", "score", "train_adapter"])) == [
        f"error: {file}: no rule `train_adaptor`: did you mean `train_adapter`?",
        f"error: {file}: predict:device=gpu, which is not cpu or cuda: correct it",
    ]


@pytest.mark.parametrize(
    ("executor", "command"),
    [
        ("slurm", "make slurm"),
        ("google-batch", ".venv/bin/pip install snakemake-executor-plugin-google-batch"),
        ("local", None),
    ],
)
def test_an_executor_without_its_plugin_names_the_command_that_installs_it(
    executor: str, command: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "find_spec", lambda _: None)
    told = lines(check_profile(Profile("mine", executor=executor), ()))
    assert told == [
        f"error: profiles/mine/config.yaml: executor: {executor}, but its plugin "
        f"snakemake-executor-plugin-{executor} is not installed: run `{command}`"
        for command in filter(None, [command])
    ]
