"""Fixtures of the tests that edit finished studies, which are made once a session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scratch import ListJobs, job_lister

# The fixtures import the studies late, so that tests without them need not wait for torch.


@pytest.fixture(scope="session")
def list_jobs() -> Iterator[ListJobs]:
    """Snakemake, loaded once."""
    with job_lister() as lister:
        yield lister


@pytest.fixture(scope="session")
def completed(tmp_path_factory: pytest.TempPathFactory, list_jobs: ListJobs) -> Path:
    """A project whose studies have run to the end."""
    from support.completed import completed_studies

    return completed_studies(tmp_path_factory.mktemp("completed"), list_jobs)


@pytest.fixture
def project(completed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished project, to be edited."""
    copy = tmp_path / "project"
    shutil.copytree(completed, copy, ignore=shutil.ignore_patterns("weights"))
    yield copy
    shutil.rmtree(copy)
