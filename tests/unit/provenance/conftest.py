"""Fixtures of tests of provenance: a project without results."""

from pathlib import Path

import pytest
from support.project import ROOT


@pytest.fixture(autouse=True)
def empty_project(empty_folder: Path) -> None:
    """The working folder has no results, and what plans of a study read."""
    for name in ("report", "resources"):
        (empty_folder / name).symlink_to(ROOT / name)
