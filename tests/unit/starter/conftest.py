"""The folder in which a user begins a study."""

from pathlib import Path

import pytest
from support.broken_inputs import linked_project
from support.project import ROOT

from ecslm.preflight import check


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project without results, in which files may be made."""
    linked_project(tmp_path, ROOT)
    # These ask the network, or what this machine has.
    monkeypatch.setattr(check, "CHECKS", {})
    monkeypatch.chdir(tmp_path)
