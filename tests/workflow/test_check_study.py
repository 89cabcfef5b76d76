"""`check_study.py` as users start it: what it says, that it changes nothing, and how it ends."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support import warm
from support.project import ROOT
from support.scratch import copy_project
from support.small_rows import write_small_rows

STUDY = "tiny_study.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_encoder: Path) -> Path:
    """A project of which nothing has been made, with the weights of the tiny study."""
    from ecslm.models.bases import read_base

    folder = copy_project(tmp_path_factory.mktemp("checked") / "project")
    (folder / "weights").mkdir()
    (folder / "weights/model").symlink_to(tiny_model)
    (folder / "weights/encoder").symlink_to(read_base(tiny_encoder)[1])
    write_small_rows(folder / "tiny_rows.jsonl", train=4, val=2, test_ind=3, test_ood=2)
    return folder


def check(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script on the tiny study."""
    shutil.copy(ROOT / "tests/end_to_end" / STUDY, project)
    clean = {name: text for name, text in os.environ.items() if name != "HF_TOKEN"}
    # GPUs of the machine that runs the tests change nothing.
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    command = ["scripts/check_study.py", "--configfile", STUDY, *options]
    return warm.run(command, project, clean | hidden)


def contents(project: Path) -> set[Path]:
    """All files but results and compiled code."""
    return {
        path.relative_to(project)
        for path in project.rglob("*")
        if not {"__pycache__", "results", ".snakemake"} & set(path.parts)
    }


def test_a_study_that_can_run_exits_with_0_and_leaves_nothing(project: Path) -> None:
    (project / STUDY).touch()
    before = contents(project)
    run, of_json = check(project), check(project, "--json")
    assert run.returncode == of_json.returncode == 0, run.stdout
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0] == f"Study tiny, profile default, on {os.uname().nodename}"
    assert all(len(line) <= 80 for line in lines)
    assert " error " not in run.stdout
    assert lines[-1].startswith("a run can start: ")
    assert contents(project) == before
    report = json.loads(of_json.stdout)
    assert report["fails"] is False
    assert len(report["findings"]) == run.stdout.count("  ok  ")
