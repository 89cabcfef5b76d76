"""Fixtures of the error catalogue."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from support.broken_inputs import linked_project
from support.scratch import copy_project

# Far longer than any case takes, but for one that waits forever.
SECONDS = 300


@pytest.fixture(autouse=True)
def end() -> Iterator[None]:
    """A case that waits forever, as for somebody to write into a pipe, fails."""

    def fail(_number: int, _frame: object) -> NoReturn:
        raise AssertionError("it waits forever")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="package")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which no case changes."""
    return copy_project(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def project(origin: Path, tmp_path: Path) -> Path:
    """A project of which nothing has been made, for one case."""
    return linked_project(tmp_path / "project", origin)


@pytest.fixture
def finished(completed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of a project with finished studies, for one case."""
    copy = tmp_path / "project"
    shutil.copytree(completed, copy, symlinks=True)
    yield copy
    shutil.rmtree(copy)
