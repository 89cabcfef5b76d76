"""A folder in which a user begins a study."""

from pathlib import Path

import pytest
from support.project import ROOT

from ecslm.preflight import check

PARTS = ("profiles", "report", "requirements.lock", "resources", "rules", "scripts", "Snakefile")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project without results, in which files may be made."""
    for part in (*PARTS, "config.yaml"):
        (tmp_path / part).symlink_to(ROOT / part)
    # These ask the network, or what this machine has.
    monkeypatch.setattr(check, "CHECKS", ())
    monkeypatch.chdir(tmp_path)
    return tmp_path
