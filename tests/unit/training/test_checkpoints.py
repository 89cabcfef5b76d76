"""Checkpoints: a damaged one is never used, and the training still ends with the same bytes."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import adapter_settings, train

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.training import fit as training
from ecslm.training.checkpoints import DIGESTS, Checkpoints, is_whole, last_checkpoint
from ecslm.training.processes import Processes

ALONE = Processes(torch.device("cpu"))
WEIGHTS = "adapter_model.safetensors"
# The loss is lowest after the first epoch, of three steps.
SETTINGS = adapter_settings(learning_rate=0.2, scheduler="constant_with_warmup")


class Killed(BaseException):
    """Stands for a signal that ends the process."""


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self.mark,)


def at_step(monkeypatch: pytest.MonkeyPatch, steps: int, action: Callable[[], None]) -> None:
    """Do something in the next training when it has taken so many steps."""

    class Acting(training.Progress):
        def on_step_end(self, _args: Any, state: Any, _control: Any, **_options: Any) -> None:
            if state.global_step == steps:
                action()

    monkeypatch.setattr(training, "Progress", Acting)


def die() -> None:
    raise Killed


def run(folder: Path, base: Path) -> Path:
    return train(folder, base, SETTINGS, checkpoint_seconds=0)


@pytest.fixture(scope="module")
def whole(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a training that was never interrupted."""
    found = json.loads(run(tmp_path_factory.mktemp("whole"), tiny_base).read_text())
    assert found["best_step"] == 3
    return found


@pytest.fixture(scope="module")
def killed(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed in its sixth step, with a copy of its work."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        at_step(patch, 6, die)
        run(folder, tiny_base)
    shutil.copytree(folder / "adapter/work", folder / "copy")
    return folder


@pytest.fixture
def work(killed: Path) -> Path:
    """The checkpoints of that training as it left them."""
    shutil.rmtree(killed / "adapter")
    shutil.rmtree(killed / "cache", ignore_errors=True)
    shutil.copytree(killed / "copy", killed / "adapter/work")
    return checkpoints_in(killed)


def checkpoints_in(folder: Path) -> Path:
    (found,) = [path for path in (folder / "adapter/work").iterdir() if path.is_dir()]
    return found


def names(work: Path) -> list[str]:
    return sorted(path.name for path in work.glob("checkpoint-*"))


def flip(path: Path, position: int = 1000, change: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= change
    path.write_bytes(content)


def test_the_newest_two_and_the_best_are_kept(work: Path) -> None:
    assert names(work) == ["checkpoint-3", "checkpoint-4", "checkpoint-5"]
    assert last_checkpoint(work) == work / "checkpoint-5"


def assert_ends_alike(whole: dict[str, Any], folder: Path, base: Path) -> None:
    found = json.loads(run(folder, base).read_text())
    assert (found["files"], found["best_step"]) == (whole["files"], whole["best_step"])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut-optimizer": lambda path: os.truncate(path / "optimizer.pt", 5000),
    "flipped-weights": lambda path: flip(path / WEIGHTS, -1000),
    "no-random-state": lambda path: (path / "rng_state.pth").unlink(),
    "more-files": lambda path: (path / "pytorch_model.bin").write_bytes(b"other"),
    "not-completed": lambda path: (path / DIGESTS).unlink(),
    "cut-digests": lambda path: os.truncate(path / DIGESTS, 100),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_costs_its_steps_and_no_more(
    damage: Callable[[Path], object],
    whole: dict[str, Any],
    killed: Path,
    work: Path,
    tiny_base: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(work / "checkpoint-5")
    at_step(monkeypatch, 4, die)  # It continues after this step.
    assert_ends_alike(whole, killed, tiny_base)
    assert f"{work / 'checkpoint-5'}: removed: incomplete or damaged" in caplog.messages


def test_without_the_best_checkpoint_those_after_it_are_of_no_use(
    whole: dict[str, Any],
    killed: Path,
    work: Path,
    tiny_base: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is the one that becomes the adapter."""
    flip(work / "checkpoint-3" / WEIGHTS, -1000)
    assert_ends_alike(whole, killed, tiny_base)
    reasons = [line.partition("removed: ")[2] for line in caplog.messages if "removed: " in line]
    best = "the best checkpoint before it, of step 3, is missing, incomplete or damaged"
    assert reasons == [best, best, "incomplete or damaged"]


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth"])
def test_a_checkpoint_that_someone_has_put_there_runs_no_code(
    name: str, work: Path, killed: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """Its digests fit, so nothing tells that it is not our own."""
    mark = tmp_path / "ran"
    for checkpoint in work.glob("checkpoint-*"):
        (checkpoint / name).write_bytes(pickle.dumps(Bomb(mark)))
        digests = {
            path.name: sha256_of_file(path) for path in checkpoint.iterdir() if path.name != DIGESTS
        }
        (checkpoint / DIGESTS).write_text(json.dumps(digests), encoding="utf-8")
        assert is_whole(checkpoint)
    with suppress(pickle.UnpicklingError):
        run(killed, tiny_base)
    assert not mark.exists()


def test_a_best_checkpoint_damaged_during_the_training_stops_it_in_one_line(
    whole: dict[str, Any],
    killed: Path,
    work: Path,
    tiny_base: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best = work / "checkpoint-3"
    with monkeypatch.context() as patch:
        at_step(patch, 6, lambda: flip(best / WEIGHTS, -1000))
        with pytest.raises(InputError) as caught:
            run(killed, tiny_base)
    assert caught.value.problems == (
        f"{best}: damaged after it was written: run again to continue without it",
    )
    assert not (killed / "adapter/manifest.json").exists()
    assert_ends_alike(whole, killed, tiny_base)


def test_the_best_checkpoint_is_found_where_the_project_was_moved_to(
    whole: dict[str, Any], killed: Path, work: Path, tiny_base: Path
) -> None:
    """The Trainer notes its path, and would end with the last weights if it did not exist."""
    for checkpoint in work.glob("checkpoint-*"):
        path = checkpoint / "trainer_state.json"
        state = json.loads(path.read_text())
        assert state["best_model_checkpoint"] == str(work / "checkpoint-3")
        state["best_model_checkpoint"] = "elsewhere/checkpoint-3"
        path.write_text(json.dumps(state))
        (checkpoint / DIGESTS).unlink()
        digests = {file.name: sha256_of_file(file) for file in checkpoint.iterdir()}
        (checkpoint / DIGESTS).write_text(json.dumps(digests))
    assert_ends_alike(whole, killed, tiny_base)


def test_checkpoints_of_unknown_code_are_not_continued(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for steps in (3, 1):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            at_step(patch, steps, die)
            train(tmp_path, tiny_base, SETTINGS, checkpoint_seconds=0, code=None)


def test_another_number_of_threads_starts_over(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for steps, threads in ((3, 1), (1, 2)):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            at_step(patch, steps, die)
            train(tmp_path, tiny_base, SETTINGS, checkpoint_seconds=0, threads=threads)


@pytest.fixture(scope="module")
def scratch(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Copies of the checkpoints, one after the other in the same place."""
    (origin,) = [path for path in (killed / "copy").iterdir() if path.is_dir()]
    folder = tmp_path_factory.mktemp("scratch") / "work"

    def copied() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(origin, folder))

    return copied


@given(data=st.data(), step=st.sampled_from([3, 4, 5]), how=st.sampled_from(["flip", "cut", "0"]))
def test_no_damaged_checkpoint_is_ever_used(
    scratch: Callable[[], Path], data: st.DataObject, step: int, how: str
) -> None:
    """Whichever byte of whichever file it is."""
    work = scratch()
    file = data.draw(st.sampled_from(sorted((work / f"checkpoint-{step}").iterdir())))
    before = file.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    if how == "flip":
        flip(file, position, data.draw(st.integers(1, 255)))
    else:
        file.write_bytes(before[:position] + (bytes(len(before) - position) if how == "0" else b""))
    # Zeros may be what was there, and digests may have other spaces.
    same = file.read_bytes() == before or (file.name == DIGESTS and is_whole(file.parent))
    expected = "checkpoint-5" if same else {3: None, 4: "checkpoint-5", 5: "checkpoint-4"}[step]
    found = last_checkpoint(work)
    assert (found and found.name) == expected


def test_a_checkpoint_is_completed_once_its_files_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure leaves digests of files that are not there."""
    checkpoint = tmp_path / "checkpoint-7"
    checkpoint.mkdir()
    for name in ("a", "b"):
        (checkpoint / name).write_text(name)
    flushed: list[str] = []

    def fsync(stream: int) -> None:
        path = Path(f"/proc/self/fd/{stream}").readlink()
        flushed.append(path.name)
        # When its files are flushed, a checkpoint is not complete yet.
        assert (checkpoint / DIGESTS).exists() == (path in (checkpoint, tmp_path))

    monkeypatch.setattr(os, "fsync", fsync)
    arguments = type("Arguments", (), {"output_dir": str(tmp_path)})
    state = type("State", (), {"global_step": 7, "best_global_step": None})
    Checkpoints(9, ALONE).on_save(arguments, state, None)
    assert sorted(flushed[:2]) == ["a", "b"]
    assert flushed[2].startswith(f".{DIGESTS}.")
    assert flushed[3:] == ["checkpoint-7", tmp_path.name]
