"""`batch_tokens: auto`: the budget that fits into memory."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.machine import install
from support.model_examples import EXACT, adapter_settings, read_lines, train, trainer_of

from ecslm.common.errors import InputError
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.training import processes
from ecslm.training import trainer as trainers
from ecslm.training.adapter import add_adapter
from ecslm.training.batches import Example, Padded
from ecslm.training.loss import answer_loss
from ecslm.training.packing import Layout, Packed
from ecslm.training.settings import TrainingSettings
from ecslm.training.trainer import heaviest

CPU = torch.device("cpu")


def limit(monkeypatch: pytest.MonkeyPatch, tokens: int) -> list[int]:
    """Let the device run out of memory with more tokens than these; gives those of all passes."""
    passes: list[int] = []

    def loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        passes.append(batch["input_ids"].numel())
        value = answer_loss(model, batch)
        if passes[-1] > tokens:
            value.backward()
            raise torch.OutOfMemoryError
        return value

    monkeypatch.setattr(trainers, "answer_loss", loss)
    return passes


@pytest.mark.parametrize("layout", [Padded(2), Packed(share=False), Packed(share=True)], ids=str)
def test_more_and_more_copies_of_the_heaviest_record_are_tried_without_a_trace(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    base = load_base_model(read_base(tiny_base)[1], Precision.model_validate(EXACT), CPU)
    packed = isinstance(layout, Packed)
    model = add_adapter(base, TrainingSettings(rank=4, dropout=0.5, packing=packed))
    examples = [Example("PM", [5] * n, [6, 2], truncated=False) for n in (20, 98, *[7] * 20)]
    trainer = trainer_of(model, examples, layout=layout)
    passes = limit(monkeypatch, 500)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.get_rng_state()
    trainer.measure_budget()
    assert (passes, trainer.budget) == ([200, 300, 400, 600], 400)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    limit(monkeypatch, 100)
    trainer.measure_budget()
    assert trainer.budget == 100
    limit(monkeypatch, 10**9)
    trainer.measure_budget()
    assert trainer.budget == 1900, "no more than there are records"


def test_the_heaviest_record_is_the_longest_with_the_largest_share_of_answers() -> None:
    long, wordy = (
        Example("A", [5] * 97, [6, 7, 2], False),
        Example("A", [5] * 6, [6, 7, 8, 2], False),
    )
    found = heaviest([long, wordy])
    assert (len(found), len(found.answer)) == (100, 40)


def test_auto_is_refused_on_a_cpu_whose_free_memory_would_change_the_bytes(
    tiny_base: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        train(tmp_path, tiny_base, adapter_settings(batch_tokens="auto"))
    (problem,) = caught.value.problems
    assert str(problem).startswith("training.batch_tokens: auto measures the memory of a GPU: ")


def test_the_measured_budget_is_logged_and_gives_the_bytes_of_that_number(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install([], monkeypatch.setattr)
    monkeypatch.setattr(processes, "require_device", lambda _device: CPU)
    limit(monkeypatch, 700)

    def trained(budget: int | str) -> tuple[int, bytes]:
        settings = adapter_settings(epochs=1, batch_tokens=budget)
        folder = train(tmp_path / str(budget), tiny_base, settings, device="cuda").parent
        cost = json.loads((folder / "cost.json").read_text())
        (logged,) = {entry["batch_tokens"] for entry in read_lines(folder / "log.jsonl")}
        assert logged == cost["batch_tokens"] == cost["batch_tokens_at_end"]
        return logged, (folder / "adapter_model.safetensors").read_bytes()

    budget, weights = trained("auto")
    assert 350 < budget <= 700
    assert trained(budget) == (budget, weights)
