"""`batch_tokens: auto`: a budget from measured passes and free memory."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from support.machine import install
from support.model_examples import (
    adapter_settings,
    make_record,
    read_lines,
    train,
    trainer_of,
)
from torch.autograd.graph import saved_tensors_hooks

from ecslm.common.errors import InputError
from ecslm.common.files import write_jsonl
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.training import fit, packing, processes
from ecslm.training import trainer as trainers
from ecslm.training.adapter import add_adapter
from ecslm.training.batches import Batch, Example, Padded
from ecslm.training.loss import answer_loss
from ecslm.training.memory import SHARE, Memory, fitting_budget
from ecslm.training.packing import Layout, Packed
from ecslm.training.settings import TrainingSettings

TOKENS, FIXED, BY_TOKEN = 400, 5_000, 100
CPU = torch.device("cpu")


class MadeUpMemory:
    """A device on which a pass takes what it has to take, up to a capacity."""

    def __init__(self, free: int, by_token: int = BY_TOKEN) -> None:
        self._free, self._by_token = free, by_token
        self.tokens = 0

    def pass_over(self, copies: int) -> None:
        self.tokens = TOKENS * copies
        if FIXED + self._by_token * self.tokens > self._free:
            raise torch.OutOfMemoryError

    def free(self) -> int:
        return self._free

    def peak_of(self, work: Callable[[], object]) -> int:
        work()
        return FIXED + self._by_token * self.tokens


def budget_of(memory: MadeUpMemory, reserved: int = 0) -> int:
    return fitting_budget(memory.pass_over, TOKENS, memory, reserved)


@pytest.mark.parametrize(("free", "reserved"), [(50_000, 0), (90_000, 50_000)])
def test_where_little_fits_records_are_trained_one_by_one(free: int, reserved: int) -> None:
    """Down to where the second pass that is measured runs out of memory."""
    assert budget_of(MadeUpMemory(free), reserved) == TOKENS


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Padded(2), [(1, 400), (2, 400)]),
        (Packed(share=False), [(1, 400), (1, 800)]),
        # Other prompts have less in common than copies of one.
        (Packed(share=True), [(1, 400), (1, 800)]),
    ],
    ids=str,
)
def test_measuring_changes_neither_weights_nor_gradients_nor_random_numbers(
    tiny_base: Path, layout: Layout, expected: list[tuple[int, int]]
) -> None:
    base = load_base_model(
        read_base(tiny_base)[1], Precision(quantization="none", dtype="float32"), CPU
    )
    packed = isinstance(layout, Packed)
    model = add_adapter(base, TrainingSettings(rank=4, dropout=0.5, packing=packed))
    examples = [Example("PM", [5] * length, [6, 2], truncated=False) for length in (20, 398, 7)]
    trainer = trainer_of(model, examples, layout=layout)
    shapes = []

    class Recording(MadeUpMemory):
        def peak_of(self, work: Callable[[], object]) -> int:
            hook = model.get_base_model().model.embed_tokens.register_forward_pre_hook(
                lambda _module, inputs: shapes.append(tuple(inputs[0].shape))
            )
            work()
            hook.remove()
            return FIXED + BY_TOKEN * shapes[-1][0] * shapes[-1][1]

    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.get_rng_state()
    trainer.measure_budget(Recording(free=10_000_000))
    assert shapes == expected
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    reserved = 2 * 4 * sum(w.numel() for w in model.parameters() if w.requires_grad)
    budget = (SHARE * 10_000_000 - reserved - FIXED) / BY_TOKEN
    assert trainer.budget == pytest.approx(budget, abs=2)


def test_auto_is_refused_on_a_cpu_whose_free_memory_would_change_the_bytes(
    tiny_base: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        train(tmp_path, tiny_base, adapter_settings(batch_tokens="auto"))
    (problem,) = caught.value.problems
    assert str(problem).startswith("training.batch_tokens: auto measures the memory of a GPU: ")


def test_the_memory_of_a_gpu_counts_what_torch_holds_in_reserve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now: dict[str, Any] = {"allocated": 300, "peak": 900}
    numbers = {
        "mem_get_info": lambda _device: (5_000, 80_000),
        "memory_reserved": lambda _device: 1_000,
        "memory_allocated": lambda _device: now["allocated"],
        "max_memory_allocated": lambda _device: now["peak"],
        "reset_peak_memory_stats": lambda _device: now.update(peak=now["allocated"]),
    }
    for name, function in numbers.items():
        monkeypatch.setattr(torch.cuda, name, function)
    gpu = Memory(torch.device("cuda"))
    assert gpu.free() == 5_700
    assert gpu.peak_of(lambda: now.update(peak=1_100)) == 800


class SmallDevice:
    """A device on which a forward pass takes what it keeps for the backward pass."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._held: dict[int, int] = {}
        self.passes: list[tuple[int, int]] = []
        """Tokens of each pass of a training, and the bytes that it took."""

    def free(self) -> int:
        return self._free

    def peak_of(self, work: Callable[[], object]) -> int:
        with self._counting():
            work()
        return sum(self._held.values())

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """As `answer_loss`, if the device has the memory."""
        if not torch.is_grad_enabled():
            return answer_loss(model, batch)
        with self._counting():
            value = answer_loss(model, batch)
        self.passes.append((batch["input_ids"].numel(), sum(self._held.values())))
        if self.passes[-1][1] > self._free:
            raise torch.OutOfMemoryError
        return value

    @contextmanager
    def _counting(self) -> Iterator[None]:
        self._held.clear()

        def hold(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            self._held[storage.data_ptr()] = storage.nbytes()
            return tensor

        with saved_tensors_hooks(hold, lambda tensor: tensor):
            yield


class KeepsItsInputs(torch.autograd.Function):
    """Attention of a GPU's kernel, as far as memory is concerned."""

    @staticmethod
    def forward(context: Any, *inputs: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(*inputs)
        return inputs[0].clone()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        _, key, value = context.saved_tensors
        return gradient, torch.zeros_like(key), torch.zeros_like(value)


@pytest.mark.parametrize("dropout", [0.0, 0.1], ids=["common-beginnings-once", "each-alone"])
def test_packed_batches_fit_into_the_memory_that_was_measured_and_fill_it(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropout: float
) -> None:
    """Though the longest record has the shortest answer, and logits take memory too."""
    rows = [make_record(0, input="a yoga mat, a water bottle and a lamp, " * 20)]
    rows += [make_record(i, output="yes, no, " * 80 + "yes") for i in range(1, 40)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    device = SmallDevice(free=60_000_000)
    install([], monkeypatch.setattr)
    monkeypatch.setattr(processes, "require_device", lambda _device: CPU)
    monkeypatch.setattr(fit, "Memory", lambda _device: device)
    monkeypatch.setattr(trainers, "answer_loss", device.loss)
    monkeypatch.setattr(packing, "_has_kernel", lambda _query: True)
    monkeypatch.setattr(
        packing, "varlen_attn", lambda *inputs, **_: KeepsItsInputs.apply(*inputs[:3])
    )
    changes = {"packing": True, "dropout": dropout, "max_length": 4000, "epochs": 1}

    def trained(budget: int | str) -> tuple[int, bytes]:
        settings = adapter_settings(**changes, global_batch=40, batch_tokens=budget)
        options = {"train": [tmp_path / "train.jsonl"], "device": "cuda"}
        folder = train(tmp_path / str(budget), tiny_base, settings, **options).parent
        cost = json.loads((folder / "cost.json").read_text())
        entries = read_lines(folder / "log.jsonl")
        (logged,) = {entry["batch_tokens"] for entry in entries}
        assert logged == cost["batch_tokens"] == cost["batch_tokens_at_end"]
        return logged, (folder / "adapter_model.safetensors").read_bytes()

    budget, weights = trained("auto")
    largest = max(taken for _, taken in device.passes)
    assert 0.6 * device.free() < largest <= SHARE * device.free()
    assert trained(budget) == (budget, weights)
