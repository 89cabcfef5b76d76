"""The disk, the keys of servers, LaTeX, and how many jobs there are."""

import shutil
from types import SimpleNamespace

import pytest
from support.local_server import KEY, VARIABLE
from support.planned_runs import ONE, lines, on_hub, planned_run

from ecslm.preflight.disk import check_room
from ecslm.preflight.findings import ok
from ecslm.preflight.keys import check_keys
from ecslm.preflight.latex import check_latex
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.work import count_jobs

SERVED = {
    "backend": "openai",
    "server": {"url": "https://models.example/v1", "model": "large-1"},
    "template": "alpaca",
    "access": {"key": VARIABLE},
}


@pytest.mark.parametrize("free", [10**12, 1000])
def test_what_is_needed_on_a_disk_is_compared_with_what_is_free(
    free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(bases={"Small": on_hub()}, architectures={"Small": "SmolLM2-135M"})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))
    (found,) = check_room(run)
    if free == 1000:
        assert found.severity == "error"
        assert "1.00kB are free on this disk, but the adapters and weights" in found.what
        assert found.fix.startswith("make room, or move `results` to another disk")
    else:
        assert found.severity == "ok"
        assert found.what.endswith("MB needed, 1.00TB free")


def test_a_key_that_is_not_set_is_an_error_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned_run(models=ONE["models"] | {"Large": SERVED})
    monkeypatch.delenv(VARIABLE, raising=False)
    (line,) = lines(check_keys(run))
    assert line.startswith(f"error: the environment variable {VARIABLE} is not set, but needed")
    monkeypatch.setenv(VARIABLE, KEY)
    (found,) = check_keys(run)
    assert found == ok("all that are needed are set")


def test_where_no_server_is_asked_keys_are_not_spoken_of() -> None:
    assert not list(check_keys(planned_run()))
    assert not list(check_keys(planned_run(models=ONE["models"] | {"L": SERVED | {"run": False}})))


def test_a_missing_latex_is_a_warning_with_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (line,) = lines(check_latex(planned_run()))
    assert line.startswith("warning: latexmk: not installed")
    assert "apt-get install --no-install-recommends latexmk" in line
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert not lines(check_latex(planned_run()))


def test_jobs_are_counted_by_what_they_make() -> None:
    run = planned_run()
    (found,) = count_jobs(run)
    assert found.what.startswith("16: 1 base, 4 reports on the data, 3 dataset files, 1 adapter")
    (none,) = count_jobs(PlannedRun(run.plan, (), run.profile))
    assert none.what == "none: all results are up to date"
