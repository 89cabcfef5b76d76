"""Out of memory: a training goes on with less in each micro-batch, and its result is the same."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import adapter_settings, read_lines, train

from ecslm.common.errors import InputError
from ecslm.training import trainer as trainers
from ecslm.training.loss import answer_loss

CUDA = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79 GiB"
CUBLAS = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
WEIGHTS = "adapter_model.safetensors"


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch,
    tokens: int,
    error: RuntimeError | None = None,
) -> list[int]:
    """Let the device run out of memory, in the middle of the work, with more tokens than these;
    returns the tokens of each attempt."""
    attempts = []

    def loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        attempts.append(batch["input_ids"].numel())
        value = answer_loss(model, batch)
        if attempts[-1] > tokens and torch.is_grad_enabled():
            value.backward()  # Gradients of a part of the step, which must not remain.
            raise error or torch.OutOfMemoryError(CUDA)
        return value

    monkeypatch.setattr(trainers, "answer_loss", loss)
    return attempts


@pytest.mark.parametrize("error", [None, RuntimeError(CUBLAS)], ids=["torch", "cublas"])
def test_out_of_memory_halves_the_budget_and_repeats_the_step(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError | None
) -> None:
    """The bytes are those of a training that had this budget from the start, dropout included."""
    with monkeypatch.context() as patch:
        attempts = short_of_memory(patch, 300, error)
        found = train(tmp_path / "large", tiny_base, adapter_settings(batch_tokens=560))
    assert max(attempts) > 300
    (budget,) = {entry["batch_tokens"] for entry in read_lines(found.parent / "log.jsonl")}
    assert budget < 300
    expected = train(tmp_path / "small", tiny_base, adapter_settings(batch_tokens=budget))
    weights = [(path.parent / WEIGHTS).read_bytes() for path in (found, expected)]
    assert weights[0] == weights[1]


def test_a_smaller_budget_is_recorded_outside_of_the_manifest(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact_adapter: Path
) -> None:
    short_of_memory(monkeypatch, 300)
    folder = train(tmp_path, tiny_base, adapter_settings(batch_tokens=2000)).parent
    budgets = [entry["batch_tokens"] for entry in read_lines(folder / "log.jsonl")]
    cost = json.loads((folder / "cost.json").read_text())
    assert cost["batch_tokens"] == 2000
    assert cost["batch_tokens_at_end"] == budgets[-1] <= 600
    manifests = [folder / "manifest.json", exact_adapter]
    assert len({tuple(json.loads(path.read_text())) for path in manifests}) == 1


def test_a_record_that_does_not_fit_alone_stops_the_training_in_one_line(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, 50)
    with pytest.raises(InputError) as caught:
        train(tmp_path, tiny_base)
    (problem,) = caught.value.problems
    assert str(problem).startswith("training: out of memory with a single record of ")
    assert str(problem).endswith("lower `max_length`, or set `gradient_checkpointing: true`")


def test_other_errors_are_not_taken_for_a_lack_of_memory(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, 300, RuntimeError("CUDA error: device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side assert"):
        train(tmp_path, tiny_base)


def test_a_deterministic_training_keeps_its_budget_or_stops(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget is part of what makes the bytes."""
    short_of_memory(monkeypatch, 300)
    with pytest.raises(InputError, match="lower `batch_tokens`"):
        train(tmp_path, tiny_base, adapter_settings(batch_tokens=560, deterministic=True))
