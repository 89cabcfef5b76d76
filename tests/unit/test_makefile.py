"""The Makefile tells what it is for."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.project import ROOT

TEXT = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
# Those that the Makefile sets, and that nobody gives.
OWN = {"BIN", "PYTHON", "MAKEFILE_LIST", "MAKE"}


@dataclass(frozen=True)
class Target:
    """A target that users call: what its comment says, and the variables that its recipe uses."""

    purpose: str
    said: list[str]
    used: set[str]


def targets() -> dict[str, Target]:
    """Targets with a comment, by name."""
    pattern = re.compile(r"^([a-z-]+):[^#\n]* ## ([^|\n]*)(?:\| ([^\n]*))?\n((?:\t.*\n)*)", re.M)
    return {
        name: Target(purpose.strip(), said.split(), variables(recipe) - OWN)
        for name, purpose, said, recipe in pattern.findall(TEXT)
    }


def variables(recipe: str) -> set[str]:
    """Those that a text expands, also within others."""
    found = set(re.findall(r"\$\((?:call option,[^,)]*,)?(\w+)\)", recipe))
    for name in tuple(found):
        for value in re.findall(rf"^{name} = (.*)", TEXT, re.MULTILINE):
            found = (found - {name}) | variables(value)
    return found


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_target_has_a_purpose_in_one_line_of_a_terminal() -> None:
    (phony,) = re.findall(r"^\.PHONY:(.*)", TEXT, re.MULTILINE)
    assert sorted(targets()) == sorted(phony.split())
    assert all(len(target.purpose) > 10 for target in targets().values())
    assert all(len(line) <= 80 for line in make("help").splitlines())


def test_the_variables_that_a_target_names_are_those_that_it_uses_and_all_are_explained() -> None:
    for name, target in targets().items():
        assert set(target.said) == target.used, name
    explained = re.findall(r"^##= (\w+)=\S+ +\S", TEXT, re.MULTILINE)
    assert set(explained) == set.union(*(target.used for target in targets().values()))


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
    for target in ("new", "check", "archive"):
        make("--dry-run", target, f"STUDY=$(shell touch {ran})")
        assert not ran.exists()
    with pytest.raises(subprocess.CalledProcessError):
        make("help", f"STUDY=$(shell touch {ran})")
    assert not ran.exists()


@pytest.mark.parametrize("given", ["CONFIG=", "study=paper", "INPUT=text"])
def test_a_variable_that_a_target_does_not_use_is_one_line_with_those_that_it_uses(
    given: str,
) -> None:
    for target in ("check", "test"):
        with pytest.raises(subprocess.CalledProcessError) as caught:
            make(target, given)
        (line,) = caught.value.stderr.splitlines()
        taken = " ".join(targets()[target].said) or "no variable"
        assert f"{given.partition('=')[0]}: `make {target}` takes {taken}." in line
