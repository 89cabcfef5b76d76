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
from support.cluster import PARTITION, Cluster
from support.cluster_options import ON_CPU

PROFILE = Path("profiles/tests/config.yaml")
ENVIRONMENT = Path(sys.prefix)
NODE = f"a node for --partition={PARTITION} --account=none --gpus=1"


@pytest.fixture(scope="module")
def project(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a profile of the tests' cluster."""
    copy = shutil.copytree(new_project, tmp_path_factory.mktemp("checked") / "project")
    (copy / PROFILE.parent).mkdir()
    (copy / "results").mkdir()
    return copy


def told(
    project: Path, *resources: str, prepare: str = "", python: Path | str = sys.executable
) -> list[str]:
    """What is told of the cluster.

    Args:
        resources: further ones of rules in the profile.
        prepare: shell commands whose mounts the check alone sees.
        python: the interpreter that runs it.
    """
    defaults = {"slurm_partition": PARTITION, "slurm_account": "none"}
    on_cpu = [*ON_CPU, *resources]
    profile = {"executor": "slurm", "default-resources": defaults, "set-resources": on_cpu}
    (project / PROFILE).write_text(yaml.safe_dump(profile), encoding="utf-8")
    script = f"{python} scripts/check_study.py --json --profile tests"
    commands = (prepare, f"cd {project}", f"{script} --configfile interrupted_study.yaml")
    shell = ["unshare", "--mount", "sh", "-e", "-c", "\n".join(commands)]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    run = subprocess.run(shell, capture_output=True, text=True, check=False, env=offline)
    assert run.stdout, run.stderr
    return [
        ": ".join(filter(None, (one["severity"], one["path"], one["message"])))
        for one in json.loads(run.stdout)["findings"]
        if one["check"] == "cluster"
    ]


def files(project: Path) -> set[Path]:
    """All of them but modules that Python has compiled, the index of the source's rows, and what
    Snakemake leaves where it is asked for its graph."""
    others = {"__pycache__", "cache", ".snakemake"}
    return {path for path in project.rglob("*") if not others & set(path.parts)}


def test_a_cluster_that_has_all_is_told_and_left_clean(cluster: Cluster, project: Path) -> None:
    before = files(project)
    assert told(project) == [f"ok: {NODE} sees the shared folder, and its locks"]
    assert files(project) - before == {project / PROFILE}
    assert cluster.jobs() == []


def test_what_slurm_would_refuse_is_told_with_its_reason(cluster: Cluster, project: Path) -> None:
    asked = "train_adapter:slurm_partition=nosuch", "predict:gpu_model=a100"
    training, prediction = told(project, *asked)
    assert "invalid partition specified: nosuch" in training
    assert "Requested node configuration is not available" in prediction
    assert all("correct partition, account" in line for line in (training, prediction))
    assert cluster.jobs() == []


@pytest.mark.usefixtures("cluster")
def test_nodes_without_the_environment_are_told(project: Path, tmp_path: Path) -> None:
    python = tmp_path / "environment/bin/python"
    copy = f"cp -r --symbolic-link {ENVIRONMENT} {tmp_path}/environment"
    prepare = f"mount -t tmpfs none {tmp_path}\n{copy}"
    (line,) = told(project, prepare=prepare, python=python)
    assert line.startswith(f"error: {NODE}: a short job fails there (")
    assert f"execve(): {python}: No such" in line


@pytest.mark.usefixtures("cluster")
def test_results_that_nodes_do_not_share_are_told(project: Path) -> None:
    (line,) = told(project, prepare=f"mount -t tmpfs none {project}/results")
    assert line.startswith(
        f"error: {NODE}: {project}/results is another folder there than here: put it"
    )
