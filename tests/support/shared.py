"""Costly things that tests only read: made once a session, by one of pytest-xdist's workers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

# Takes a name and what makes the thing in a folder; returns the folder.
Shared = Callable[[str, Callable[[Path], object]], Path]


def shared_by_workers(factory: pytest.TempPathFactory) -> Shared:
    """A function that makes a thing, or waits for the worker that does, and returns its folder."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def shared(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = root / f"shared-{name}", root / f"shared-{name}.made"
        with FileLock(root / f"shared-{name}.lock"):
            if not made.exists():
                make(folder)
                made.touch()
        return folder

    return shared
