"""Finished studies to edit, made in seconds: every file real, all of them made in this process."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from support.graphs import due_commands
from support.model_examples import run_here
from support.project import ROOT
from support.scratch import copy_project
from support.small_rows import write_small_rows
from support.tiny import write_tiny_encoder, write_tiny_model

STUDIES = ("generated", "local")
CONFIGURATION = ROOT / "tests/workflow/rerun_study.yaml"
# The data of both, in a project; the labels are those of `local`.
RECORDS, LABELS = "data/records.jsonl", "data/labels.json"
# Where a project has what tests edit, and keys of the configuration.
LIBRARY = "scripts/ecslm"
ALPACA, CHATML = (f"resources/prompts/{name}.jinja" for name in ("alpaca", "chatml"))
GENERATED = "studies.generated"
MODELS = f"{GENERATED}.models"


def study_options(study: str) -> tuple[str, ...]:
    """Snakemake's options for a study of the configuration that lies in the project."""
    return ("--configfile", CONFIGURATION.name, "--config", f"study={study}")


def completed_studies(project: Path) -> None:
    """Copy the project and run its studies to the end."""
    copy_project(project)
    shutil.copy(CONFIGURATION, project)
    write_tiny_model(project / "weights/model")
    write_tiny_encoder(project / "weights/encoder")
    sizes = {"train": 2, "val": 1, "test_ind": 2, "test_ood": 2}
    write_small_rows(project / RECORDS, project / LABELS, **sizes)
    for study in STUDIES:
        complete(project, CONFIGURATION.name, study)


def complete(project: Path, configfile: str, study: str, *targets: str) -> None:
    """Run a study of a project, or some targets of it, to the end, as Snakemake would.

    Snakemake would start Python for each job, and Python would load torch. Here all is done in this
    process: commands run in the order of their dependencies, and their results are adopted.
    """
    commands = due_commands(project, configfile, study, *targets)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for command in commands:
            assert run_here(patch, *script_of(command)) == 0, command
        assert run_here(patch, "adopt.py", ("--configfile", configfile, "--study", study)) == 0


def script_of(command: str) -> tuple[str, list[str]]:
    """The script that a job's command starts, and its arguments."""
    # What follows is the redirection into the log.
    python, script, *arguments = shlex.split(re.split(r" 2?> ", command)[0])
    assert python == "python"
    return Path(script).name, arguments
