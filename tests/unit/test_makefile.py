"""The Makefile tells what it is for."""

import shlex
import subprocess
from pathlib import Path

import pytest
from support.makefile import explained_variables, phony_targets, targets
from support.project import ROOT


def make(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_every_target_has_a_purpose_in_one_line_of_a_terminal() -> None:
    assert sorted(targets()) == sorted(phony_targets())
    for target in targets().values():
        assert len(target.purpose) > 10, target.name
    assert all(len(line) <= 80 for line in make("help").splitlines())


def test_the_variables_that_a_target_names_are_those_that_it_uses_and_all_are_explained() -> None:
    for target in targets().values():
        assert set(target.said) == target.used, target.name
    assert explained_variables().keys() == {
        name for target in targets().values() for name in target.used
    }


@pytest.mark.parametrize("target", ["reproduce", "export"])
def test_a_configuration_is_checked_before_snakemake_reads_it(target: str) -> None:
    check, run = make("--dry-run", target, "CONFIGFILE=mine.yaml", "STUDY=mine").splitlines()[-2:]
    assert shlex.split(check)[1:] == [
        *("scripts/check_configuration.py", "--study=mine", "--configfile=mine.yaml")
    ]
    assert "snakemake" in run


@pytest.mark.parametrize("name", ["my shop", "a'b", "a$b", "a;b", "-b", "$(shell pwd)"])
@pytest.mark.parametrize(
    ("target", "variables"),
    [
        ("new", {"STUDY": "--study=", "DATA": "--data="}),
        ("check", {"STUDY": "--study=", "CONFIGFILE": "--configfile=", "PROFILE": "--profile="}),
        ("export", {"STUDY": "study=", "CONFIGFILE": "--configfile="}),
    ],
)
def test_make_passes_any_name_on_as_one_argument(
    target: str, variables: dict[str, str], name: str
) -> None:
    printed = make("--dry-run", target, *(f"{variable}={name}" for variable in variables))
    arguments = shlex.split(printed.splitlines()[-1])
    assert {f"{option}{name}" for option in variables.values()} <= set(arguments)


def test_a_value_is_never_run_as_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    # Make evaluates what it expands, and to run a command what it exports.
    for arguments in (("--dry-run", "new"), ("help",)):
        make(*arguments, f"STUDY=$(shell touch {ran})")
        assert not ran.exists()


@pytest.mark.parametrize("given", ["CONFIG=", "CONFIG=mine.yaml", "study=paper"])
def test_a_variable_that_there_is_not_is_one_line_with_those_that_there_are(given: str) -> None:
    run = subprocess.run(
        ["make", "check", given], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    (line,) = run.stderr.splitlines()
    name = given.partition("=")[0]
    assert f"{name}: no such variable: expected one of {' '.join(explained_variables())}." in line
