"""Fixtures of tests of provenance: a project without results."""

from pathlib import Path

import pytest
from support.project import ROOT


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder has no results, and what plans of a study read."""
    monkeypatch.chdir(tmp_path)
    for name in ("report", "resources"):
        Path(name).symlink_to(ROOT / name)
