"""A SLURM cluster for the tests of this directory, and projects that run on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.cluster import Cluster, running_cluster
from support.scratch import copy_project
from support.small_rows import write_small_rows
from support.tiny import write_tiny_encoder, write_tiny_model

STUDIES = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster: one node, which is this machine, with two GPUs that are made up."""
    with running_cluster(tmp_path_factory.mktemp("cluster") / "slurm", gpus=2) as running:
        yield running


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing has run yet, with the models of the tests' studies."""
    project = copy_project(tmp_path_factory.mktemp("new") / "project")
    write_tiny_model(project / "weights/model")
    write_tiny_encoder(project / "weights/encoder")
    write_small_rows(project / "tiny_rows.jsonl", train=4, val=2, test_ind=3, test_ood=2)
    write_small_rows(project / "rows.jsonl", train=16, val=2, test_ind=12)
    shutil.copy(STUDIES / "workflow/interrupted_study.yaml", project)
    config = yaml.safe_load((STUDIES / "end_to_end/tiny_study.yaml").read_text())
    study = config["studies"]["tiny"]
    # A job of the cluster takes ten seconds or more, so of its models only the tuned one is here.
    del study["models"]["Tiny"], study["comparisons"]
    models = {"models": ["Tiny-EC"]}
    study["tables"] = {name: study["tables"][name] | models for name in ("cost", "validity")}
    (project / "tiny_study.yaml").write_text(yaml.safe_dump(config))
    return project
