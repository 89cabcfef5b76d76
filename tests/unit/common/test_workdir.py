"""The work folder of a long job, and the lock on it."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.common.workdir import Work, clear_finished, work_folder


def folders(output: Path) -> list[Path]:
    return [path for path in (output.parent / "work").iterdir() if path.is_dir()]


def two_results(folder: Path) -> dict[str, Path]:
    return {"cost": folder / "cost.json", "answers": folder / "out.jsonl"}


def finish(work: Work, **contents: str) -> None:
    made = work.folder / "made"
    made.mkdir()
    for name, content in contents.items():
        (made / name).write_text(content)
    work.publish(made)


def test_finished_results_are_put_into_place_and_kept(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with work_folder(results, {"seed": 0}, keep=True) as work:
        (work.folder / "half").write_text("")
        (work.folder / "checkpoint").mkdir()
        finish(work, cost="1 s", answers="yes")
    assert [path.read_text() for path in results.values()] == ["1 s", "yes"]
    assert [path.name for path in work.folder.iterdir()] == ["finished"]


def test_finished_results_are_restored_under_the_same_circumstances(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with work_folder(results, {"seed": 0}, keep=True) as work:
        assert not work.restored()
        finish(work, cost="1 s", answers="yes")
    for path in results.values():
        path.unlink()
    with work_folder(results, {"seed": 0}, keep=True) as again:
        assert again.restored()
    assert [path.read_text() for path in results.values()] == ["1 s", "yes"]
    with work_folder(results, {"seed": 1}, keep=True) as other:
        assert not other.restored()


def test_results_that_are_not_kept_leave_no_copy_to_be_taken_later(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with work_folder(results, {"seed": 0}, keep=False) as work:
        finish(work, cost="1 s", answers="yes")
    assert [path.read_text() for path in results.values()] == ["1 s", "yes"]
    assert folders(results["answers"]) == []
    with work_folder(results, {"seed": 0}, keep=False) as again:
        assert not again.restored()


def test_unfinished_work_is_continued_only_if_it_is_kept(tmp_path: Path) -> None:
    for keep in (True, False):
        results = two_results(tmp_path / str(keep))
        for existed in (False, keep):
            with pytest.raises(RuntimeError), work_folder(results, 0, keep) as work:
                assert (work.folder / "half").exists() == existed
                (work.folder / "half").write_text("")
                raise RuntimeError


def test_finished_work_is_cleared_and_unfinished_work_is_not(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with work_folder(two_results(tmp_path / "one"), 0, keep=True) as work:
        finish(work, cost="", answers="")
    with pytest.raises(RuntimeError), work_folder(two_results(tmp_path / "two"), 0, keep=True):
        raise RuntimeError
    clear_finished(tmp_path, unfinished=())
    assert folders(tmp_path / "one" / "out.jsonl") == []
    assert len(folders(tmp_path / "two" / "out.jsonl")) == 1
    assert (tmp_path / "one" / "out.jsonl").exists()


def test_work_that_failed_is_found_again_under_the_same_circumstances(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with pytest.raises(RuntimeError), work_folder(results, {"a": 1, "b": 2}, keep=True) as work:
        (work.folder / "half").write_text("done")
        raise RuntimeError
    with work_folder(results, {"b": 2, "a": 1}, keep=True) as again:
        assert (again.folder / "half").read_text() == "done"


def test_work_begun_under_other_circumstances_is_thrown_away(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with pytest.raises(RuntimeError), work_folder(results, {"seed": 0}, keep=True) as work:
        (work.folder / "half").write_text("done")
        raise RuntimeError
    with work_folder(results, {"seed": 1}, keep=True) as other:
        assert list(other.folder.iterdir()) == []
        assert folders(results["answers"]) == [other.folder]


def test_the_work_on_another_output_is_left_alone(tmp_path: Path) -> None:
    with (
        work_folder({"answers": tmp_path / "AVE.jsonl"}, 0, keep=True) as first,
        work_folder({"answers": tmp_path / "SA.jsonl"}, 0, keep=True) as second,
    ):
        assert first.folder != second.folder
        assert first.folder.is_dir()


def test_a_second_process_at_the_same_output_waits_for_the_first_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results, order = two_results(tmp_path), []

    def second() -> None:
        with work_folder(results, {"seed": 0}, keep=True) as work:
            order.append("second")
            assert work.restored()

    waiting = threading.Thread(target=second)
    with caplog.at_level(logging.WARNING), work_folder(results, {"seed": 0}, keep=True) as work:
        waiting.start()
        waiting.join(timeout=0.5)
        order.append("first")
        finish(work, cost="", answers="yes")
    waiting.join()
    assert order == ["first", "second"]
    assert "out.jsonl: waiting for process" in caplog.text


def test_a_holder_that_does_not_wait_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        held(tmp_path / "run.lock", "results", wait=False),
        pytest.raises(InputError, match=r"results: in use by process \d+ on ") as caught,
        held(tmp_path / "run.lock", "results", wait=False),
    ):
        pass
    assert len(caught.value.problems) == 1


def test_a_holder_is_told_when_another_has_held_the_lock_meanwhile(tmp_path: Path) -> None:
    lock, before = tmp_path / "run.lock", time.time()
    with held(lock, "results", wait=False):
        pass
    with (
        pytest.raises(InputError, match=r"^results: another process has just used it"),
        held(lock, "results", wait=False, since=before - 1),
    ):
        pass
    with held(lock, "results", wait=False, since=time.time() + 1):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from ecslm.common.locks import held\n"
        "with held(Path(sys.argv[1]), 'results', wait=False): os.kill(os.getpid(), 9)"
    )
    lock = tmp_path / "run.lock"
    path = {"PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([sys.executable, "-c", code, str(lock)], env=path, check=False)
    assert "process" in lock.read_text()
    with held(lock, "results", wait=False):
        pass


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    results = two_results(tmp_path)
    with pytest.raises(RuntimeError), work_folder(results, 0, keep=True):
        raise RuntimeError
    with work_folder(results, 0, keep=True) as work:
        assert work.folder.is_dir()
