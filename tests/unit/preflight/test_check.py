"""The checks together: what they are made of, in which order, and how they are told."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.local_server import VARIABLE
from support.planned_runs import ONE, on_hub, planned_run
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.files import write_text
from ecslm.plan.study import Choice
from ecslm.preflight import check
from ecslm.preflight.check import check_keys, check_room, check_study, count_jobs
from ecslm.preflight.findings import Finding, PlannedRun, as_text, error, fails

SERVED = {
    "backend": "openai",
    "server": {"url": "https://models.example/v1", "model": "large-1"},
    "template": "alpaca",
    "access": {"key": VARIABLE},
}


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with profiles of its own, where no server is asked."""
    Path("config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    Path("profiles").unlink()
    write_text(Path("profiles/slurm/config.yaml"), "executor: slurm\n")
    monkeypatch.setattr(check, "find_spec", lambda _: object())
    without = {name: one for name, one in check.CHECKS.items() if name != "hub"}
    monkeypatch.setattr(check, "CHECKS", without | {"cluster": lambda _: [error("no node")]})


@pytest.mark.usefixtures("project")
def test_a_study_is_checked_in_one_order_and_nothing_is_left_but_results(tmp_path: Path) -> None:
    before = {path for path in tmp_path.iterdir() if path.name != "results"}
    study, found = check_study(Choice(), "slurm")
    assert (study, fails(found)) == ("demo", True)
    assert [*dict.fromkeys(one.check for one in found)] == [
        *("configuration", "profile", "jobs", "time", "GPUs", "cluster", "disk", "API keys")
    ]
    assert [one.check for one in found if one.severity == "error"] == ["cluster"]
    assert {path for path in tmp_path.iterdir() if path.name != "results"} == before


def told(**changes: Any) -> list[str]:
    """What is said of the configuration of the demo with some keys changed."""
    Path("mine.yaml").write_text(yaml.safe_dump({"studies": {"demo": changes}}), encoding="utf-8")
    _, found = check_study(Choice([Path("mine.yaml")]), "none")
    return [f"{one.severity}: {one}" for one in found if one.check == "configuration"]


@pytest.mark.usefixtures("project")
def test_what_a_run_would_be_refused_for_is_an_error_each() -> None:
    found = told(devise="cpu", tasks=["PN"])
    assert len(found) > 1
    assert all(line.startswith("error: ") and ": studies.demo" in line for line in found)


def test_what_is_there_is_told_and_a_missing_key_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its start does: see unit/provenance/test_checks.py."""
    run = planned_run(bases={"Small": on_hub()}, architectures={"Small": "SmolLM2-135M"})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10**12))
    (room,) = check_room(run)
    assert room.message == "at least 292MB needed, 1.00TB free"
    run = planned_run(models=ONE["models"] | {"Large": SERVED})
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(InputError, match=VARIABLE):
        list(check_keys(run))


def test_jobs_are_counted_by_what_they_make() -> None:
    run = planned_run()
    (found,) = count_jobs(run)
    assert found.message.startswith("18: 1 base, 1 adapter, 1 prediction, 15 short jobs")
    (none,) = count_jobs(PlannedRun(run.study, (), run.profile))
    assert none.message == "none: all results are up to date"


FINDINGS = st.builds(
    Finding,
    message=st.text("abc`:/. -", min_size=1, max_size=90).map(str.strip).filter(bool),
    severity=st.sampled_from(["ok", "warning", "error"]),
    check=st.sampled_from(["jobs", "GPUs", "configuration"]),
)


@given(st.lists(FINDINGS, min_size=1, max_size=9))
def test_the_text_has_every_finding_once_and_the_verdict(findings: list[Finding]) -> None:
    text = as_text("Study shop", findings)
    severities = [one.severity for one in findings]
    assert re.findall(r"^.{4,13}  (ok|warning|error) ", text, re.MULTILINE) == severities
    joined = "".join(text.split())
    assert all("".join(str(one).split()) in joined for one in findings)
    # Words are left whole, so that they can be copied.
    assert all(len(line) <= 80 or len(line.split()) <= 4 for line in text.splitlines())
    fails = "error" in severities
    assert text.splitlines()[-1].startswith("a run would fail: " if fails else "a run can start: ")
