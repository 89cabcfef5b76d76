"""The work folder of a long job, and the lock on it."""

import errno
import json
import logging
import os
import signal
import threading
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from ecslm.common.equal_code import Equal, Pair, record_equal
from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_text
from ecslm.common.locks import held
from ecslm.common.manifests import made_from
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.common.workdir import Outputs, Work, work_folder

ACTION = {"step": "answer", "seed": 0}
OTHER = ACTION | {"seed": 1}


@pytest.fixture(autouse=True)
def _no_shared_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)


def folders(folder: Path) -> list[Path]:
    return [path for path in (folder / "work").iterdir() if path.is_dir()]


def outputs(folder: Path, name: str = "out") -> Outputs:
    return Outputs(
        folder / f"{name}.manifest.json",
        {"answers": folder / f"{name}.jsonl"},
        {"cost": folder / f"{name}.cost.json"},
    )


def work_in(
    folder: Path,
    action: dict[str, Any] = ACTION,
    code: str | None = "code:1",
    cache: str = "cache",
    name: str = "out",
    **known: Any,
) -> AbstractContextManager[Work]:
    """The work on an answer; the cache is next to it."""
    origin = made_from([], {}, code, {})
    return work_folder(outputs(folder, name), action, origin, folder.parent / cache, known)


def finish(work: Work, cost: str = "1 s", answers: str = "yes", **found: Any) -> None:
    made = work.folder / "made"
    made.mkdir()
    (made / "cost").write_text(cost)
    (made / "answers").write_text(answers)
    work.publish({name: made / name for name in ("cost", "answers")}, found)


def written(folder: Path, name: str = "out") -> dict[str, str]:
    """What the job has written, by file name; takes it away, as Snakemake does."""
    of_job = outputs(folder, name)
    paths = [*of_job.files.values(), of_job.manifest]
    contents = {path.name: path.read_text() for path in paths}
    for path in paths:
        path.unlink()
    return contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "seed-0"


def test_unfinished_work_is_continued_by_the_same_action_alone_and_gone_in_the_end(
    folder: Path,
) -> None:
    for action, existed in ((ACTION, False), (ACTION, True), (OTHER, False), (OTHER, True)):
        with pytest.raises(RuntimeError), work_in(folder, action) as work:
            assert (work.folder / "half").exists() == existed
            assert folders(folder) == [work.folder]
            (work.folder / "half").write_text("")
            raise RuntimeError
    with work_in(folder, OTHER, source="base") as work:
        finish(work, best_step=7)
    assert folders(folder) == []
    found = written(folder)
    manifest = json.loads(found.pop("out.manifest.json"))
    assert found == {"out.jsonl": "yes", "out.cost.json": "1 s"}
    assert manifest["files"] == {"out.jsonl": sha256_of_text("yes")}
    assert (manifest["code"], manifest["source"], manifest["best_step"]) == ("code:1", "base", 7)


@pytest.mark.parametrize("fails", [True, False])
def test_a_job_by_hand_continues_nothing_and_leaves_nothing_but_its_results(
    folder: Path, fails: bool
) -> None:
    """After an edit it would use what the old code made."""
    of_job = outputs(folder)
    for _ in range(2):
        with suppress(RuntimeError), work_in(folder, code=None) as work:
            assert not work.restored()
            assert list(work.folder.iterdir()) == []
            (work.folder / "half").write_text("")
            if fails:
                raise RuntimeError
            finish(work)
    assert set(folder.iterdir()) == (set() if fails else {of_job.manifest, *of_job.files.values()})
    assert not (folder.parent / "cache").exists()


def test_finished_results_are_taken_back_by_the_same_action_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with work_in(folder) as work:
        assert not work.restored()
        finish(work, best_step=7)
    before = written(folder)
    with work_in(folder) as again:
        assert again.restored()
    (line,) = caplog.messages
    assert line == f"taken from the cache: made for {folder}/out.manifest.json"
    assert written(folder) == before
    assert folders(folder) == []
    with work_in(folder, OTHER) as other:
        assert not other.restored()
    with work_in(folder, code="code:2") as other:
        assert not other.restored()


def test_results_of_equal_code_are_taken_under_the_name_of_what_made_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    pairs = [Pair(code=f"code:{number}", versions={}) for number in (1, 2)]
    with work_in(folder) as work:
        finish(work)
    before = written(folder)
    record = record_equal(Equal(new=pairs[1], representative=pairs[0], evidence=()))
    with work_in(folder, code="code:2") as other:
        assert other.restored()
    assert written(folder) == before
    with work_in(folder, OTHER, code="code:2") as other:
        assert not other.restored()
        finish(other)
    assert json.loads(written(folder)["out.manifest.json"])["code"] == "code:2"
    record.unlink()
    for seed, code in ((0, "code:2"), (1, "code:1")):
        with work_in(folder, ACTION | {"seed": seed}, code=code) as other:
            assert not other.restored()


def test_another_type_of_cpu_is_another_action_and_no_environment_changes_what_is_computed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device, shared in (("cpu", False), ("cuda", True)):
        action = ACTION | {"device": device}
        with work_in(folder, action) as work:
            finish(work)
        written(folder)
        with monkeypatch.context() as patch:
            patch.setenv("ATEN_CPU_CAPABILITY", "default")
            with work_in(folder, action) as work:
                assert work.restored()
            written(folder)
            patch.setattr("ecslm.common.workdir.cpu_type", lambda: "another")
            refused = nullcontext() if shared else pytest.raises(InputError, match="ATEN_CPU")
            with refused, work_in(folder, action) as work:
                assert work.restored()


def test_taken_results_have_the_manifest_of_the_job_that_takes_them(folder: Path) -> None:
    """Results of another study, model name and path: the fields that it knows are its own."""
    with work_in(folder, model="A") as work:
        # As when a run has kept the results, with all fields that their manifest had.
        finish(work, best_step=7, model="A")
    other = folder.parent / "other"
    with work_in(other, name="QPR", model="B") as work:
        assert work.restored()
    found = written(other, "QPR")
    manifest = json.loads(found["QPR.manifest.json"])
    assert manifest["files"] == {"QPR.jsonl": sha256_of_text("yes")}
    assert (manifest["model"], manifest["best_step"]) == ("B", 7)
    with work_in(other, name="SA", model="B") as work:
        finish(work, best_step=7)
    computed = written(other, "SA")["SA.manifest.json"]
    assert computed.replace("SA.jsonl", "QPR.jsonl") == found["QPR.manifest.json"]


def test_results_are_in_the_cache_before_the_first_is_in_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a kill in between loses nothing."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with (
        monkeypatch.context() as patch,
        pytest.raises(KeyboardInterrupt),
        work_in(folder) as work,
    ):
        patch.setattr(Work, "_place", killed)
        finish(work)
    with work_in(folder) as again:
        assert again.restored()
    assert written(folder)["out.jsonl"] == "yes"


def test_a_second_process_at_the_same_output_waits_for_the_first_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    order = []

    def second() -> None:
        with work_in(folder) as work:
            order.append("second")
            assert work.restored()

    waiting = threading.Thread(target=second)
    with caplog.at_level(logging.WARNING), work_in(folder) as work:
        waiting.start()
        waiting.join(timeout=0.5)
        order.append("first")
        finish(work)
    waiting.join()
    assert order == ["first", "second"]
    assert "out.manifest.json: waiting for process" in caplog.text


def test_a_lock_that_is_held_or_that_there_cannot_be_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_arguments: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    lock = tmp_path / "run.lock"
    with (
        held(lock, "results", wait=False),
        pytest.raises(InputError, match=r"^results: in use by process \d+ on "),
        held(lock, "results", wait=False),
    ):
        pass
    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(InputError, match=r"run\.lock: this file system has no locks"),
        held(lock, "results", wait=True),
    ):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    if (process := os.fork()) == 0:
        with held(lock, "results", wait=False):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert "process" in lock.read_text()
    with held(lock, "results", wait=False):
        pass


def test_a_holder_is_told_when_another_has_held_the_lock_meanwhile(tmp_path: Path) -> None:
    lock, before = tmp_path / "run.lock", time.time()
    with held(lock, "results", wait=False):
        pass
    with (
        pytest.raises(InputError, match=r"^results: another process has just used it"),
        held(lock, "results", wait=False, since=before - 1),
    ):
        pass
    # The one that was refused is no holder, which would refuse others.
    os.utime(lock, (before, before))
    with (
        pytest.raises(InputError),
        held(lock, "results", wait=False, since=before - 1),
    ):
        pass
    with held(lock, "results", wait=False, since=before + 1):
        pass
