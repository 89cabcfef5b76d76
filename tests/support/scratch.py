"""A scratch copy of the project, in which tests run Snakemake as a user would."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support import warm
from support.project import ROOT

PARTS = (
    "Snakefile",
    "config.yaml",
    "studies",
    "requirements.lock",
    "envs",
    "profiles",
    "report",
    "resources",
    "rules",
    "scripts",
)


def copy_project(folder: Path) -> Path:
    """Copy what a run needs into `folder`, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(source, folder / part)
    return folder


def snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a scratch copy; stdout and stderr come as text.

    It and the Python processes that it starts are those of the warm Python.
    """
    return warm.run(["-m", "snakemake", *arguments], project, environment_of_tests())


Started = warm.WarmProcess | subprocess.Popen[bytes]


def start_script(
    project: Path, output: Path, *command: str, environment: Mapping[str, str]
) -> Started:
    """Run a script in the background; a file, which no kill can close, takes what it prints.

    Signals to its process group, as Ctrl-C sends them, reach it and its jobs.

    Args:
        environment: variables beside those of this process.
    """
    variables = environment_of_tests() | dict(environment)
    with output.open("wb") as stream:
        return warm.start([*command], project, stream, stream, variables)


def start_snakemake(
    project: Path, output: Path, *arguments: str, environment: Mapping[str, str]
) -> Started:
    """Run Snakemake in the background, as `start_script` does."""
    command = ("-m", "snakemake", *arguments)
    return start_script(project, output, *command, environment=environment)


def environment_of_tests() -> dict[str, str]:
    """This process's environment without the user's settings, which must not reach a test."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}


def errors(text: str) -> list[str]:
    """What a command says is wrong, without the places of keys in their files."""
    assert "Traceback" not in text, text
    return re.findall(r"^error: (?:\S+\.yaml: line \d+: )?(.*)", text, re.MULTILINE)


def planned_jobs(output: str) -> dict[str, int]:
    """Jobs by rule from a dry run's table; empty when there is nothing to do."""
    rows = re.findall(r"^(\w+) {2,}(\d+)$", output, re.MULTILINE)
    return {rule: int(count) for rule, count in rows if rule != "total"}
