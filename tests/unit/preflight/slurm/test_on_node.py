"""What a node tells of itself is what a job would meet there."""

import fcntl
from pathlib import Path

import pytest
from filelock import FileLock
from support.no_locks import no_locks

from ecslm.common.errors import InputError
from ecslm.preflight.gpus import Driver, Gpu
from ecslm.preflight.slurm import on_node
from ecslm.preflight.slurm.on_node import LOCKED, SENT, NodeDriver, NodeReport, report_of_node


def report(folder: Path, driver: bool = False) -> NodeReport:
    """The report as the other side gets it."""
    found = report_of_node(folder, ("SET", "EMPTY", "UNSET"), driver)
    return NodeReport.model_validate_json(found.model_dump_json())


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET", "secret")
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.delenv("UNSET", raising=False)


def test_variables_that_are_empty_or_not_set_are_lacking(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert found.lacking == ("EMPTY", "UNSET")
    assert "secret" not in found.model_dump_json()


def test_a_lock_is_taken_only_if_nobody_holds_it(tmp_path: Path) -> None:
    (tmp_path / SENT).write_text("x")
    assert report(tmp_path).took_lock
    # It does not keep it.
    with FileLock(tmp_path / LOCKED, timeout=0):
        assert not report(tmp_path).took_lock


def test_where_there_are_no_locks_none_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SENT).write_text("x")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    found = report(tmp_path)
    assert (found.took_lock, found.lock_problem) == (False, "Function not implemented")


def test_in_a_folder_that_it_does_not_see_it_tries_nothing(tmp_path: Path) -> None:
    found = report(tmp_path / "elsewhere")
    assert (found.received, found.took_lock) == (None, False)
    assert not (tmp_path / "elsewhere").exists()


def test_the_driver_is_asked_only_for_runs_on_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Gpu("NVIDIA H100", 80, 79)
    monkeypatch.setattr(on_node, "read_driver", lambda: Driver("580.1", (13, 0), (gpu,)))
    assert report(tmp_path).driver is None
    made = NodeDriver(version="580.1", cuda=(13, 0), gpus=("NVIDIA H100",))
    assert report(tmp_path, driver=True).driver == made
    monkeypatch.setattr(on_node, "read_driver", lambda: None)
    assert report(tmp_path, driver=True).driver is None

    def fail() -> None:
        raise InputError("it does not answer")

    monkeypatch.setattr(on_node, "read_driver", fail)
    assert report(tmp_path, driver=True).driver_problem == "it does not answer"
