"""The loss at answer positions, and the gradient that training makes of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import EXACT, QUANTISED

from ecslm.training.batches import Example, Padded
from ecslm.training.trainer import answer_loss

from .gradients import gradients, load, loss_and_gradients, tuned

BASES_OF_A_LAYER = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture(params=[EXACT, QUANTISED], ids=["none", "nf4"])
def model(tiny_base: Path, quantised_adapter: Path, request: pytest.FixtureRequest) -> Any:
    return tuned(tiny_base, quantised_adapter, request.param)


def test_loss_and_gradients_are_those_of_transformers_on_all_logits_the_heads_included(
    model: Any, examples: list[Example]
) -> None:
    batch = Padded(2).collate(examples)
    answers = sum(len(example.answer) for example in examples)
    assert int((batch["labels"] >= 0).sum()) == answers
    loss = model(**batch).loss
    loss.backward()
    expected = gradients(model)
    modules = [name.split(".lora_")[0].rsplit(".", 1)[-1] for name in expected]
    assert sorted(modules) == sorted(2 * ["lm_head", *2 * BASES_OF_A_LAYER])
    assert all(bool(gradient.abs().sum() > 0) for gradient in expected.values())
    own, found = loss_and_gradients(model, batch)
    torch.testing.assert_close(own / answers, loss.detach(), rtol=1e-5, atol=0)
    whole = {name: answers * gradient for name, gradient in expected.items()}
    torch.testing.assert_close(found, whole, rtol=1e-3, atol=1e-6 * answers)


def test_the_end_of_the_answer_is_trained(tiny_base: Path, examples: list[Example]) -> None:
    """Its label is the padding token, which a mask by token id would drop."""
    base, batch = load(tiny_base, EXACT), Padded(2).collate(examples[:1])
    whole = answer_loss(base, batch)
    batch["labels"][0, -1] = -100
    assert answer_loss(base, batch) < whole - 0.1


def test_an_evaluation_changes_neither_loss_nor_gradient(
    model: Any, examples: list[Example]
) -> None:
    """On CPUs with bfloat16 an NF4 layer would repack itself for a kernel without gradient."""
    batch = Padded(2).collate(examples)
    _, expected = loss_and_gradients(model.train(), batch)
    with torch.inference_mode():
        before = answer_loss(model.eval().get_base_model(), batch)
    torch.testing.assert_close(loss_and_gradients(model.train(), batch)[1], expected)
    torch.testing.assert_close(answer_loss(model.eval().get_base_model(), batch), before)
