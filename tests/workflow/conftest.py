"""Fixtures of the tests that run Snakemake."""

import pytest
from support.scratch import ListJobs, list_jobs


@pytest.fixture(scope="session", name="list_jobs")
def _list_jobs() -> ListJobs:
    """A run of Snakemake that returns the jobs that it plans."""
    return list_jobs
