"""Fixtures of the tests that edit finished studies, which are made once a session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scratch import ListJobs, list_jobs
from support.shared import Shared

# The fixtures import the studies late, so that tests without them need not wait for torch.


@pytest.fixture(scope="session", name="list_jobs")
def _list_jobs() -> ListJobs:
    """A run of Snakemake that returns the jobs that it plans."""
    return list_jobs


@pytest.fixture(scope="session")
def completed(shared: Shared) -> Path:
    """A project whose studies have run to the end."""

    from support.completed import shared_studies

    return shared_studies(shared)


@pytest.fixture
def project(completed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished project, to be edited."""
    copy = tmp_path / "project"
    shutil.copytree(completed, copy)
    yield copy
    shutil.rmtree(copy)
