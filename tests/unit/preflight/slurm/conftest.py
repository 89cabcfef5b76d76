"""Fixtures of the checks of a SLURM cluster: its commands."""

from pathlib import Path

import pytest
from support.project import ROOT
from support.slurm_commands import Slurm


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Commands of a made-up cluster."""
    Path("scripts").symlink_to(ROOT / "scripts")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return Slurm(tmp_path / "bin", monkeypatch)
