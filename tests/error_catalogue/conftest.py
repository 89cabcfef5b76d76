"""Fixtures of the error catalogue."""

from pathlib import Path

import pytest
from support.broken_inputs import linked_project
from support.scratch import copy_project


@pytest.fixture(scope="package")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which no case changes."""
    return copy_project(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def project(origin: Path, tmp_path: Path) -> Path:
    """A project of which nothing has been made, for one case."""
    return linked_project(tmp_path / "project", origin)
