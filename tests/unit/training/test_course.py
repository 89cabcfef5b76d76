"""A training that was killed: it goes on to the same bytes, from a checkpoint that is whole."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import adapter_settings, read_lines, train

from ecslm.common.errors import InputError
from ecslm.models.manifests import read_adapter
from ecslm.training import fit
from ecslm.training.fit import CHECKPOINT
from ecslm.training.trainer import Processes

STEPS = 6


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def at_step(monkeypatch: pytest.MonkeyPatch, steps: int, action: Callable[[], None]) -> None:
    """Do something in the next training when it has taken so many steps."""

    class Acting(fit.Progress):
        def step(self, entry: dict[str, Any]) -> None:
            if entry["step"] == steps:
                action()

    monkeypatch.setattr(fit, "Progress", Acting)


def die() -> None:
    raise Killed


def killed(monkeypatch: pytest.MonkeyPatch, steps: int, *where: Any, **options: Any) -> None:
    """Train until it has taken so many steps."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        at_step(patch, steps, die)
        train(*where, **options)


def checkpoint_in(folder: Path) -> Path:
    (found,) = folder.glob(f"adapter/work/*/{CHECKPOINT}")
    return found


def assert_same(one: Path, other: Path) -> None:
    first, second = read_adapter(one), read_adapter(other)
    assert (first.files, first.best_step) == (second.files, second.best_step)


@pytest.mark.parametrize(
    ("steps", "seconds", "changes"),
    [
        (1, 1e9, {}),
        (3, 0.0, {}),
        (5, 1e9, {}),
        # The best weights are those of the first epoch, before the checkpoint.
        (6, 0.0, {"learning_rate": 0.2, "scheduler": "constant_with_warmup"}),
        (2, 0.0, {"fused": True, "dropout": 0.0, "packing": True}),
    ],
)
def test_a_killed_training_goes_on_to_the_same_bytes(
    tiny_base: Path,
    quantised_adapter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    seconds: float,
    changes: dict[str, Any],
) -> None:
    precision = {"quantization": "nf4", "dtype": "bfloat16" if "fused" in changes else "float32"}
    settings = adapter_settings(precision, **changes)
    where = tmp_path / "killed", tiny_base, settings
    killed(monkeypatch, steps, *where, checkpoint_seconds=seconds)
    assert not (tmp_path / "killed/adapter/manifest.json").exists()
    # Dies if it starts over, though it may continue.
    at_step(monkeypatch, 1, die if steps > 1 else lambda: None)
    resumed = train(*where, checkpoint_seconds=seconds)
    monkeypatch.undo()
    whole = train(tmp_path / "whole", tiny_base, settings) if changes else quantised_adapter
    assert_same(resumed, whole)
    if changes:
        assert read_adapter(whole).best_step == (3 if "learning_rate" in changes else STEPS)
    logs = [read_lines(path.parent / "log.jsonl") for path in (resumed, whole)]
    for log in logs:
        seconds = [entry.pop("seconds") for entry in log]
        assert seconds == sorted(seconds)
    assert logs[0] == logs[1]


def test_a_damaged_checkpoint_is_not_used(
    exact_adapter: Path,
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    killed(monkeypatch, 5, tmp_path, tiny_base, checkpoint_seconds=0)
    checkpoint = checkpoint_in(tmp_path)
    content = bytearray(checkpoint.read_bytes())
    content[-5000] ^= 1
    checkpoint.write_bytes(content)
    assert_same(train(tmp_path, tiny_base), exact_adapter)
    assert f"{checkpoint}: damaged: training starts over" in caplog.messages


def test_a_checkpoint_that_someone_has_put_there_runs_no_code(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest fits, so nothing tells that it is not our own."""
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> object:
            return Path.touch, (mark,)

    killed(monkeypatch, 5, tmp_path, tiny_base)
    content = pickle.dumps(Bomb())
    checkpoint_in(tmp_path).write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(pickle.UnpicklingError):
        train(tmp_path, tiny_base)
    assert not mark.exists()


@pytest.mark.parametrize("change", [{"seed": 1}, {"code": None}])
def test_work_of_another_action_or_of_unknown_code_is_not_continued(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    before = change if "code" in change else {}
    killed(monkeypatch, 3, tmp_path, tiny_base, checkpoint_seconds=0, **before)
    killed(monkeypatch, 1, tmp_path, tiny_base, **change)


def test_a_diverging_training_says_so_in_one_line(tiny_base: Path, tmp_path: Path) -> None:
    settings = adapter_settings(learning_rate=1e30, warmup_ratio=0.0)
    with pytest.raises(InputError, match=r"the loss is .* lower `learning_rate`") as caught:
        train(tmp_path, tiny_base, settings)
    assert len(caught.value.problems) == 1


def test_a_gradient_that_is_not_finite_reaches_no_weight(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the loss is: as of attention that fails in its backward pass alone."""
    steps: list[int] = []
    summed = Processes.sum_gradients

    def poisoned(self: Processes, weights: Sequence[torch.nn.Parameter]) -> None:
        summed(self, weights)
        steps.append(len(steps))
        if len(steps) == 2:
            weights[0].grad[0, 0] = torch.nan

    monkeypatch.setattr(Processes, "sum_gradients", poisoned)
    with pytest.raises(InputError, match=r"the norm of the gradient nan at step 2"):
        train(tmp_path, tiny_base)
    assert not [*tmp_path.rglob("*.safetensors"), *tmp_path.rglob(CHECKPOINT)]
