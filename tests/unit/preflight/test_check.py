"""The checks together: which are made of what, and where more can be added."""

from pathlib import Path

import pytest
from support.project import ROOT

from ecslm.preflight import check, profiles, servers
from ecslm.preflight import planned_run as planned
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import Report, error

OF_PROFILE = ["time", "GPUs"]


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with a profile of its own, where no server is asked."""
    Path("config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    Path("profiles").unlink()
    for name, text in {"gpu": "resources: [gpu=1]", "slurm": "executor: slurm"}.items():
        Path(f"profiles/{name}").mkdir(parents=True)
        Path(f"profiles/{name}/config.yaml").write_text(f"{text}\n")
    monkeypatch.setattr(profiles, "find_spec", lambda _: object())
    monkeypatch.setattr(
        planned, "ask_all", lambda questions: dict.fromkeys(questions, servers.Reply("ok"))
    )


def names(report: Report) -> list[str]:
    return [section.name for section in report.sections]


def test_a_study_that_fits_is_checked_in_one_order() -> None:
    report = check_study([], None, "gpu")
    assert (report.study, report.profile, report.fails) == ("demo", "gpu", False)
    assert names(report) == [
        *("configuration", "profile", "jobs", *OF_PROFILE, "disk", "libraries", "hub"),
        *("revisions", "downloads", "LaTeX"),
    ]


def test_without_the_profile_nothing_is_said_of_machines() -> None:
    report = check_study([], None, "none")
    assert report.fails
    assert not set(OF_PROFILE) & set(names(report))
    assert "disk" in names(report)


def test_without_a_plan_only_what_is_wrong_with_it_is_said() -> None:
    report = check_study([], "nope", "gpu")
    assert (report.study, report.fails) == ("nope", True)
    assert names(report) == ["configuration", "profile"]


def test_what_the_profile_says_of_rules_is_compared_with_those_of_the_plan() -> None:
    Path("profiles/gpu/config.yaml").write_text("set-resources: [predikt:device=cuda]\n")
    (section,) = [one for one in check_study([], None, "gpu").sections if one.name == "profile"]
    assert [str(one) for one in section.findings if one.severity == "error"] == [
        "profiles/gpu/config.yaml: set-resources: no rule `predikt`: did you mean `predict`?"
    ]


def test_an_executor_may_have_checks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = error("no node has the environment", "cluster", "run `make setup` there")
    of_slurm = {"slurm": (("cluster", lambda _run: [found]),)}
    monkeypatch.setattr(check, "OF_EXECUTORS", of_slurm)
    report = check_study([], None, "slurm")
    (section,) = [one for one in report.sections if one.name == "cluster"]
    assert section.findings == (found,)
    assert report.fails
    assert "cluster" not in names(check_study([], None, "gpu"))


def test_nothing_is_left_but_results(tmp_path: Path) -> None:
    before = {path for path in tmp_path.iterdir() if path.name != "results"}
    check_study([], None, "gpu")
    assert {path for path in tmp_path.iterdir() if path.name != "results"} == before
