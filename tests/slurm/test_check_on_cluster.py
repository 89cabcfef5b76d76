"""The check before a run asks a real cluster, and tries one of its nodes.

What nodes do not see is mounted where only the check sees it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.cluster import PARTITION, URGENT, Cluster
from support.cluster_options import ON_CPU

PROFILE = Path("profiles/tests/config.yaml")
ENVIRONMENT = Path(sys.prefix)


@pytest.fixture(scope="module")
def project(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a profile of the tests' cluster."""
    copy = shutil.copytree(new_project, tmp_path_factory.mktemp("checked") / "project")
    (copy / PROFILE.parent).mkdir()
    (copy / "results").mkdir()
    return copy


def told(
    project: Path,
    *prepare: str,
    python: Path | str = sys.executable,
    folder: Path | None = None,
    study: str = "interrupted_study.yaml",
    **resources: str,
) -> list[str]:
    """What is told of the cluster.

    Args:
        prepare: shell commands whose mounts the check alone sees.
        python: the interpreter that runs it.
        folder: where the check sees the project, if elsewhere.
        study: file with the study.
        resources: default ones of the profile.
    """
    defaults = {"slurm_partition": PARTITION, "slurm_account": "none"} | resources
    profile = {"executor": "slurm", "default-resources": defaults, "set-resources": [*ON_CPU]}
    (project / PROFILE).write_text(yaml.safe_dump(profile), encoding="utf-8")
    script = f"{python} scripts/check_study.py --json --profile tests"
    commands = (
        *prepare,
        f"cd {folder or project}",
        f"{script} --configfile {study}",
    )
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-e", "-c", "\n".join(commands)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    assert run.stdout, run.stderr
    (section,) = [one for one in json.loads(run.stdout)["sections"] if one["name"] == "cluster"]
    return [
        ": ".join(filter(None, (one["severity"], one["where"], one["what"], one["fix"])))
        for one in section["findings"]
    ]


def files(project: Path) -> set[Path]:
    """All of them but modules that Python has compiled, and the index of the source's rows."""
    return {path for path in project.rglob("*") if not {"__pycache__", "cache"} & set(path.parts)}


def test_a_cluster_that_has_all_is_told_of_and_nothing_is_left(
    cluster: Cluster, project: Path
) -> None:
    before = files(project)
    lines = told(project)
    assert lines == [
        "ok: the cluster has no accounts",
        f"ok: partition `{PARTITION}`: 1 node with up to 2 x fake GPUs, no time limit",
        f"ok: node {cluster.host} of partition `{PARTITION}`: environment, shared folder and locks "
        "are as required",
    ]
    assert files(project) - before == {project / PROFILE}
    assert cluster.jobs() == []


def test_a_partition_that_there_is_not_is_one_line_with_those_that_there_are(
    cluster: Cluster, project: Path
) -> None:
    assert told(project, slurm_partition="nosuch")[1:] == [
        f"error: {PROFILE}: default-resources: slurm_partition: the cluster has no partition "
        f"`nosuch`: set one of {PARTITION}, {URGENT}"
    ]
    assert cluster.jobs() == []


@pytest.mark.usefixtures("cluster")
def test_a_type_of_gpu_that_there_is_not_is_one_line(project: Path) -> None:
    (_, _, line) = told(project, gpu_model="a100")
    assert line.endswith(
        f"no node of partition `{PARTITION}` has GPUs of the type `a100`: set one of fake"
    )


@pytest.mark.usefixtures("cluster")
def test_nodes_without_the_environment_are_told(project: Path, tmp_path: Path) -> None:
    python = tmp_path / "environment/bin/python"
    (_, _, line) = told(
        project,
        f"mount -t tmpfs none {tmp_path}",
        f"cp -r --symbolic-link {ENVIRONMENT} {tmp_path}/environment",
        python=python,
    )
    assert line.startswith(f"error: nodes of partition `{PARTITION}`: they have no {python}: put")


def test_results_that_nodes_do_not_share_are_told(cluster: Cluster, project: Path) -> None:
    (_, _, line) = told(project, f"mount -t tmpfs none {project}/results")
    assert line.startswith(
        f"error: node {cluster.host}: {project}/results is another folder there than here: put it"
    )


@pytest.mark.usefixtures("cluster")
def test_a_project_that_nodes_do_not_see_is_told(project: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "project"
    (_, _, line) = told(
        project,
        f"mount -t tmpfs none {tmp_path}",
        f"mkdir {hidden}",
        f"mount --bind {project} {hidden}",
        folder=hidden,
    )
    assert line.startswith(
        f"error: nodes of partition `{PARTITION}`: they do not see {hidden}: put"
    )


@pytest.mark.usefixtures("cluster")
def test_a_key_that_jobs_do_not_get_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = yaml.safe_load((project / "interrupted_study.yaml").read_text(encoding="utf-8"))
    config["studies"]["interrupted"]["models"]["Served"] = {
        "backend": "openai",
        "server": {"url": "http://localhost:1/v1", "model": "served"},
        "template": "alpaca",
        "access": {"key": "KEY_OF_A_SERVER"},
    }
    (project / "served.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setenv("KEY_OF_A_SERVER", "secret")
    assert "error" not in "".join(told(project, study="served.yaml"))
    (_, _, line) = told(project, study="served.yaml", slurm_extra="--export=NONE")
    assert line.startswith(
        "error: KEY_OF_A_SERVER: the environment variable KEY_OF_A_SERVER is set here, but not on"
    )
    assert "secret" not in line
