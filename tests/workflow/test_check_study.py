"""`check_study.py` as users start it: what it says, that it changes nothing, and how it ends."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.fake_hub import FakeHub, FakeRepository, fake_hub
from support.project import ROOT
from support.scratch import copy_project, snakemake
from support.small_rows import write_small_rows

STUDY = "tiny_study.yaml"
TINY = yaml.safe_load((ROOT / "tests/end_to_end" / STUDY).read_text(encoding="utf-8"))
FULL_DISK = {"PYTHONPATH": str(ROOT / "tests/support/full_disk")}
# What a study cannot be without, but for tasks and models.
NEEDED = ("title", "device", "published_comparable", "data", "train_setting", "settings")
OF_HUB = {"source": "hub", "id": "a/tiny", "revision": "main"}

Edit = tuple[str, Any]


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


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    """A hub that has a gated model."""
    with fake_hub() as made:
        made.models["a/tiny"] = FakeRepository(gated=True)
        yield made


def check(
    project: Path, *arguments: str, edits: tuple[Edit, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the script on the tiny study, with values put at some paths of keys."""
    value = yaml.safe_load(yaml.safe_dump(TINY))
    for path, put in edits:
        *keys, last = path.split(".")
        here = value
        for key in keys:
            here = here[key]
        here[last] = put
    (project / STUDY).write_text(yaml.safe_dump(value), encoding="utf-8")
    clean = {name: text for name, text in os.environ.items() if name != "HF_TOKEN"}
    # GPUs of the machine that runs the tests change nothing.
    hidden = {"CUDA_VISIBLE_DEVICES": "", "HF_HOME": str(project / "of_hub")}
    # A warm Python has read the hub's variables before.
    command = [sys.executable, "scripts/check_study.py", "--configfile", STUDY, *arguments]
    return subprocess.run(
        command,
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env=clean | hidden | environment,
    )


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


@pytest.mark.parametrize(
    ("edits", "environment", "expected"),
    [
        (
            [("studies.tiny.devise", "cpu"), ("studies.tiny.models.Tiny.base", "Tinny")],
            {},
            ["studies.tiny.devise: unknown key", "studies.tiny.models.Tiny.base: Tinny is not in"],
        ),
        (
            [("bases.Tiny", OF_HUB)],
            FULL_DISK,
            [
                "1.00B are free on this disk, but the adapters and weights",
                "bases.Tiny: a/tiny is gated, and there is no token: accept its licence at",
            ],
        ),
    ],
    ids=["keys", "full disk and gated model"],
)
def test_what_is_missing_is_a_line_each_and_exits_with_1(
    edits: list[Edit],
    environment: dict[str, str],
    expected: list[str],
    project: Path,
    hub: FakeHub,
) -> None:
    before = contents(project) | {Path(STUDY)}
    run = check(project, edits=tuple(edits), HF_ENDPOINT=hub.url, **environment)
    assert run.returncode == 1, run.stdout
    assert run.stderr == ""
    # Lines that go on with a finding.
    text = re.sub(r"\n {4,}(?=\S)(?!(ok|warning|error) )", " ", run.stdout)
    found = re.findall(r"^[A-Za-z ]*  error +(.*)$", text, re.MULTILINE)
    assert len(found) == len(expected), run.stdout
    for one, words in zip(found, expected, strict=True):
        assert words in one
    assert run.stdout.splitlines()[-1].startswith("a run would fail: 2 errors")
    assert contents(project) == before


def test_an_export_of_a_study_without_a_tuned_model_says_what_to_do(project: Path) -> None:
    study = {name: TINY["studies"]["tiny"][name] for name in NEEDED}
    study |= {"tasks": ["PM"], "models": {"Tiny": {"base": "Tiny", "template": "chatml"}}}
    untuned = {**TINY, "studies": {"tiny": study}}
    (project / "untuned.yaml").write_text(yaml.safe_dump(untuned))
    run = snakemake(project, "--configfile", "untuned.yaml", "-n", "--", "export")
    assert run.returncode == 1
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert lines == [
        "error: export: no model of study tiny is tuned: give a model `training`, or name a study "
        "that has one"
    ]
