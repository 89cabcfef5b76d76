"""The work folder of a long job, and the lock on it."""

import errno
import fcntl
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
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "seed-0"


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
    name: str = "out",
    **known: Any,
) -> AbstractContextManager[Work]:
    """The work on an answer; the cache is next to its folder."""
    origin = made_from([], {}, code, {})
    return work_folder(outputs(folder, name), action, origin, known)


def finish(work: Work, **found: Any) -> None:
    made = work.folder / "made"
    made.mkdir()
    (made / "cost").write_text("1 s")
    (made / "answers").write_text("yes")
    work.publish({name: made / name for name in ("cost", "answers")}, found)


def restored(*arguments: Any, **options: Any) -> bool:
    """Whether the same work finds its results again."""
    with work_in(*arguments, **options) as work:
        return work.restored()


def written(folder: Path, name: str = "out") -> dict[str, Any]:
    """What the job has written; takes it away, as Snakemake does."""
    of_job = outputs(folder, name)
    paths = {**of_job.files, "manifest": of_job.manifest}
    assert {path for path in folder.iterdir() if path.is_file()} == set(paths.values())
    found: dict[str, Any] = {what: path.read_text() for what, path in paths.items()}
    for path in paths.values():
        path.unlink()
    return found | {"manifest": json.loads(found["manifest"])}


def test_unfinished_work_is_continued_by_the_same_action_alone_and_gone_in_the_end(
    folder: Path,
) -> None:
    for action, existed in ((ACTION, False), (ACTION, True), (OTHER, False), (OTHER, True)):
        with pytest.raises(RuntimeError), work_in(folder, action) as work:
            assert (work.folder / "half").exists() == existed
            assert [path for path in (folder / "work").iterdir() if path.is_dir()] == [work.folder]
            (work.folder / "half").write_text("")
            raise RuntimeError
    with work_in(folder, OTHER, source="base") as work:
        finish(work, best_step=7)
    assert not work.folder.exists()
    found = written(folder)
    manifest = found.pop("manifest")
    assert found == {"answers": "yes", "cost": "1 s"}
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


def test_finished_results_are_taken_back_by_the_same_action_alone_with_the_takers_manifest(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with work_in(folder, model="A") as work:
        assert not work.restored()
        # As when a run has kept the results, with all fields that their manifest had.
        finish(work, best_step=7, model="A")
    before = written(folder)
    assert restored(folder, model="A")
    assert caplog.messages == [f"taken from the cache: made for {folder}/out.manifest.json"]
    assert written(folder) == before
    assert not restored(folder, OTHER)
    assert not restored(folder, code="code:2")
    # Of another study, model name and path: the fields that it knows are its own.
    other = folder.parent / "other"
    assert restored(other, name="QPR", model="B")
    manifest = written(other, "QPR")["manifest"]
    files = {"QPR.jsonl": sha256_of_text("yes")}
    assert manifest == before["manifest"] | {"files": files, "model": "B"}


def test_results_of_equal_code_are_taken_under_the_name_of_what_made_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    pairs = [Pair(code=f"code:{number}", versions={}) for number in (1, 2)]
    with work_in(folder) as work:
        finish(work)
    before = written(folder)
    record = record_equal(Equal(new=pairs[1], representative=pairs[0], evidence=()))
    assert restored(folder, code="code:2")
    assert written(folder) == before
    with work_in(folder, OTHER, code="code:2") as other:
        assert not other.restored()
        finish(other)
    assert written(folder)["manifest"]["code"] == "code:2"
    record.unlink()
    assert not restored(folder, ACTION, code="code:2")
    assert not restored(folder, OTHER, code="code:1")


@pytest.mark.parametrize(("device", "shared"), [("cpu", False), ("cuda", True)])
def test_another_type_of_cpu_is_another_action_and_no_environment_changes_what_is_computed(
    device: str, shared: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = ACTION | {"device": device}
    with work_in(folder, action) as work:
        finish(work)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert restored(folder, action)
    monkeypatch.setattr("ecslm.common.workdir.cpu_type", lambda: "another")
    with nullcontext() if shared else pytest.raises(InputError, match="ATEN_CPU"):
        assert restored(folder, action)


def test_results_are_in_the_cache_before_the_first_is_in_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a kill in between loses nothing."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), work_in(folder) as work:
        patch.setattr(Work, "_place", killed)
        finish(work)
    assert restored(folder)
    assert written(folder)["answers"] == "yes"


def test_a_second_process_at_the_same_output_waits_for_the_first_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[bool] = []
    second = threading.Thread(target=lambda: found.append(restored(folder)))
    with caplog.at_level(logging.WARNING), work_in(folder) as work:
        second.start()
        second.join(timeout=0.5)
        assert found == []
        finish(work)
    second.join()
    assert found == [True]
    assert "out.manifest.json: waiting for process" in caplog.text


def test_a_lock_that_is_held_or_that_there_cannot_be_is_one_line_and_a_kill_frees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_arguments: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    lock = tmp_path / "run.lock"
    if (process := os.fork()) == 0:
        with held(lock, "results", wait=False):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert f"process {process} on " in lock.read_text()
    in_use = pytest.raises(InputError, match=r"^results: in use by process \d+ on ")
    with held(lock, "results", wait=False), in_use, held(lock, "results", wait=False):
        pass
    monkeypatch.setattr("fcntl.flock", flock)
    none = pytest.raises(InputError, match=r"run\.lock: no locks in this file system")
    with none, held(lock, "results", wait=True):
        pass


def test_a_lock_file_that_is_removed_while_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "run.lock", fcntl.flock

    def removing(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        monkeypatch.setattr("fcntl.flock", flock)
        path.unlink()

    monkeypatch.setattr("fcntl.flock", removing)
    with held(path, "results", wait=False):
        assert path.exists()


def test_a_holder_is_told_when_another_has_held_the_lock_meanwhile(tmp_path: Path) -> None:
    lock, before = tmp_path / "run.lock", time.time()
    with held(lock, "results", wait=False):
        pass
    # The one that was refused is no holder, which would refuse others.
    for _ in range(2):
        told = pytest.raises(InputError, match=r"^results: another process has just used it")
        with told, held(lock, "results", wait=False, since=before - 1):
            pass
        os.utime(lock, (before, before))
    with held(lock, "results", wait=False, since=before + 1):
        pass
