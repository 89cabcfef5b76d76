"""Gradients and evaluations do not depend on micro-batches; memory may run out, or be measured."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from support.machine import install
from support.model_examples import EXACT, adapter_settings, read_lines, train, trainer_of

from ecslm.common.errors import InputError
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.manifests import read_adapter
from ecslm.models.precision import Precision
from ecslm.training import trainer as trainers
from ecslm.training.batches import Example, Layout, Packed, Padded
from ecslm.training.fit import add_adapter
from ecslm.training.settings import LossWeights, TrainingSettings
from ecslm.training.trainer import answer_loss, heaviest

CPU = torch.device("cpu")
LAYOUTS = [Padded(2), Packed(share=False), Packed(share=True)]


@pytest.fixture(scope="module")
def models(tiny_base: Path) -> dict[bool, Any]:
    """With an adapter that changes nothing, by whether batches are packed."""
    precision = Precision.model_validate(EXACT)
    folder = read_base(tiny_base)[1]
    return {
        packing: add_adapter(
            load_base_model(folder, precision, CPU),
            TrainingSettings(rank=2, packing=packing, dropout=0),
        )
        for packing in (False, True)
    }


@pytest.mark.parametrize("weights", ["tokens", "records"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_steps_loss_is_a_mean_and_micro_batches_change_neither_it_nor_the_gradient(
    models: dict[bool, Any], examples: list[Example], layout: Layout, weights: LossWeights
) -> None:
    """Normalised by the weight of the global batch, not of each micro-batch."""
    model = models[isinstance(layout, Packed)]
    weighed = [example.weighing(weights) for example in examples]
    found = []
    for budget in (16, 700, 10_000):
        trainer = trainer_of(model, weighed, layout=layout, budget=budget)
        loss, _ = trainer.gradient(range(len(weighed)))
        gradients = [weight.grad.flatten() for weight in trainer.trained.values()]
        found.append((loss, torch.cat(gradients)))
        model.zero_grad()
    for loss, gradient in found[1:]:
        torch.testing.assert_close(loss, found[0][0], rtol=1e-5, atol=0)
        torch.testing.assert_close(gradient, found[0][1], rtol=1e-3, atol=1e-6)
    plain = models[False].get_base_model()
    batches = [Padded(2).collate(examples if weights == "tokens" else [one]) for one in examples]
    mean = fmean(float(plain(**batch).loss) for batch in batches)
    assert float(found[0][0]) == pytest.approx(mean, rel=1e-5)
    assert trainer.evaluate() == pytest.approx(mean, rel=1e-5)


def test_more_evaluations_are_logged_and_leave_the_adapter_as_it_is(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """Dropout included: they draw no random numbers."""
    found = train(tmp_path, tiny_base, adapter_settings(evaluations=3))
    assert read_adapter(found).files == read_adapter(exact_adapter).files
    assert read_adapter(found).best_step == read_adapter(exact_adapter).best_step
    log = read_lines(found.parent / "log.jsonl")
    assert [entry["step"] for entry in log] == [step for step in range(1, 7) for _ in "ab"]
    usual = read_lines(exact_adapter.parent / "log.jsonl")
    same = [entry for entry in log if "loss" in entry or entry["step"] in (3, 6)]
    for entry in [*usual, *same]:
        del entry["seconds"]
    assert same == usual


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch, tokens: int, error: RuntimeError | None = None
) -> list[int]:
    """Let the device run out of memory, in the middle of the work, with more tokens than these;
    gives those of all passes."""
    passes: list[int] = []

    def loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        passes.append(batch["input_ids"].numel())
        value = answer_loss(model, batch)
        if passes[-1] > tokens:
            value.backward()  # Gradients of a part of the step, which must not remain.
            raise error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")
        return value

    monkeypatch.setattr(trainers, "answer_loss", loss)
    return passes


def test_out_of_memory_halves_the_budget_and_repeats_the_step(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are those of a training that had this budget from the start, dropout included."""
    with monkeypatch.context() as patch:
        short_of_memory(patch, 300, RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling it"))
        found = train(tmp_path / "large", tiny_base, adapter_settings(batch_tokens=560, epochs=1))
    (budget,) = {entry["batch_tokens"] for entry in read_lines(found.parent / "log.jsonl")}
    cost = json.loads((found.parent / "cost.json").read_text())
    assert (cost["batch_tokens"], cost["batch_tokens_at_end"]) == (560, budget)
    assert budget < 300
    expected = train(tmp_path / "small", tiny_base, adapter_settings(batch_tokens=budget, epochs=1))
    assert read_adapter(found).files == read_adapter(expected).files


@pytest.mark.parametrize(
    ("tokens", "changes", "problem"),
    [
        (50, {}, "lower `max_length`"),
        # The budget is part of what makes the bytes.
        (300, {"batch_tokens": 560, "deterministic": True}, "lower `batch_tokens`"),
    ],
)
def test_a_training_that_does_not_fit_stops_in_one_line(
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tokens: int,
    changes: dict[str, Any],
    problem: str,
) -> None:
    short_of_memory(monkeypatch, tokens)
    with pytest.raises(InputError, match=f"training: out of memory .*{problem}"):
        train(tmp_path, tiny_base, adapter_settings(**changes))


def test_other_errors_are_not_taken_for_a_lack_of_memory(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, 300, RuntimeError("CUDA error: device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side assert"):
        train(tmp_path, tiny_base)


@pytest.mark.parametrize("changes", [{}, {"packing": True, "fused": True, "dropout": 0.0}], ids=str)
def test_a_record_that_does_not_fit_has_its_activations_computed_again(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """From then on, without another number, dropout included."""

    def loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if not model.is_activation_checkpointing and batch["input_ids"].numel() > 150:
            raise torch.OutOfMemoryError
        return answer_loss(model, batch)

    settings = adapter_settings(batch_tokens=16, epochs=1, **changes)
    expected = train(tmp_path / "large", tiny_base, settings)
    with monkeypatch.context() as patch:
        patch.setattr(trainers, "answer_loss", loss)
        found = train(tmp_path / "small", tiny_base, settings)
    assert read_adapter(found).files == read_adapter(expected).files


# `batch_tokens: auto`


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_heaviest_record_and_more_and_more_copies_of_it_are_tried_without_a_trace(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    base = load_base_model(read_base(tiny_base)[1], Precision.model_validate(EXACT), CPU)
    packed = isinstance(layout, Packed)
    model = add_adapter(base, TrainingSettings(rank=4, dropout=0.5, packing=packed))
    examples = [Example("PM", [5] * n, [6, 2], truncated=False) for n in (20, 98, *[7] * 20)]
    trainer = trainer_of(model, examples, layout=layout)
    passes = short_of_memory(monkeypatch, 500)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.get_rng_state()
    trainer.try_heaviest()
    trainer.measure_budget()
    assert (passes, trainer.budget) == ([100, 200, 300, 400, 600], 400)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    short_of_memory(monkeypatch, 100)
    trainer.measure_budget()
    assert trainer.budget == 100
    short_of_memory(monkeypatch, 10**9)
    trainer.measure_budget()
    assert trainer.budget == 1900, "no more than there are records"
    short_of_memory(monkeypatch, 99)
    with pytest.raises(
        InputError, match="out of memory with 100 tokens at once: lower `max_length`"
    ):
        trainer.try_heaviest()


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
    with pytest.raises(InputError, match=r"^training.batch_tokens: auto measures the memory of a"):
        train(tmp_path, tiny_base, adapter_settings(batch_tokens="auto"))


def test_the_measured_budget_is_logged_and_gives_the_bytes_of_that_number(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install([], monkeypatch.setattr)
    monkeypatch.setattr(trainers, "require_device", lambda _device: CPU)
    passes, first = short_of_memory(monkeypatch, 700), list[int]()

    def trained(budget: int | str) -> tuple[int, bytes]:
        settings = adapter_settings(epochs=1, batch_tokens=budget)
        passes.clear()
        folder = train(tmp_path / str(budget), tiny_base, settings, device="cuda").parent
        cost = json.loads((folder / "cost.json").read_text())
        (logged,) = {entry["batch_tokens"] for entry in read_lines(folder / "log.jsonl")}
        assert logged == cost["batch_tokens"] == cost["batch_tokens_at_end"]
        first.append(passes[0])
        return logged, (folder / "adapter_model.safetensors").read_bytes()

    budget, weights = trained("auto")
    assert 350 < budget <= 700
    assert passes[1] == 2 * passes[0], "the heaviest record, and copies of it"
    assert trained(budget) == (budget, weights)
    assert first[1] == first[0], "the heaviest record comes first, whatever the setting"
