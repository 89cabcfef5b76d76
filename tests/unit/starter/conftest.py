"""The folder in which a user begins a study."""

from pathlib import Path

import pytest
from support.broken_inputs import linked_project
from support.project import ROOT

from ecslm.preflight import check


@pytest.fixture(autouse=True)
def _desk(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project without results, in which files may be made."""
    linked_project(empty_folder, ROOT)
    # These ask the network, or what this machine has.
    monkeypatch.setattr(check, "CHECKS", {})
