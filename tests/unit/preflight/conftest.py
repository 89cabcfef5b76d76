"""Fixtures of the checks before a run: a project without results, and no token."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.fake_hub import FakeHub, fake_hub
from support.project import ROOT
from support.stated_jobs import RULES, jobs_of

from ecslm.plan.study import Choice
from ecslm.preflight import check


@contextmanager
def graph_of_plan(choice: Choice) -> Iterator[SimpleNamespace]:
    """What Snakemake takes a second to read."""
    yield SimpleNamespace(jobs=jobs_of(choice.read()), rules=RULES)


@pytest.fixture(autouse=True)
def here(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of which nothing has been made; its graph is that of its rules."""
    monkeypatch.setattr(check, "read_dag", graph_of_plan)
    for name in ("profiles", "report", "resources"):
        (empty_folder / name).symlink_to(ROOT / name)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub in place of the real one, whose cache is empty and which no token is kept of."""
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    # What it fetches for its statistics would replace what it keeps of the real hub.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    with fake_hub() as made:
        monkeypatch.setattr(constants, "ENDPOINT", made.url)
        yield made
