"""The loss at answer positions, and the gradient that training makes of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from support.model_examples import EXACT, QUANTISED

from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.training.batches import Example, Padded
from ecslm.training.loss import answer_loss

CPU = torch.device("cpu")
PRECISIONS = pytest.mark.parametrize("precision", [EXACT, QUANTISED], ids=["none", "nf4"])
BASES_OF_A_LAYER = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture
def base(tiny_base: Path) -> Any:
    return load(tiny_base, EXACT)


def load(manifest: Path, precision: dict[str, str]) -> Any:
    folder = read_base(manifest)[1]
    return load_base_model(folder, Precision.model_validate(precision), CPU)


def tuned(manifest: Path, adapter: Path, precision: dict[str, str]) -> Any:
    """The base with a trained adapter whose training goes on, without dropout."""
    model = load(manifest, precision)
    model = PeftModel.from_pretrained(model, adapter.parent, is_trainable=True)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.eval()


def batch_of(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    return Padded(2).collate(examples)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    model.zero_grad()
    return found


@PRECISIONS
def test_loss_and_gradients_are_those_of_transformers_on_all_logits_the_heads_included(
    tiny_base: Path,
    quantised_adapter: Path,
    examples: list[Example],
    precision: dict[str, str],
) -> None:
    model, batch = tuned(tiny_base, quantised_adapter, precision), batch_of(examples)
    answers = sum(len(example.answer) for example in examples)
    assert int((batch["labels"] >= 0).sum()) == answers
    loss = model(**batch).loss
    loss.backward()
    expected = gradients(model)
    modules = [name.split(".lora_")[0].rsplit(".", 1)[-1] for name in expected]
    assert sorted(modules) == sorted(2 * ["lm_head", *2 * BASES_OF_A_LAYER])
    assert all(bool(gradient.abs().sum() > 0) for gradient in expected.values())
    own = answer_loss(model.get_base_model(), batch) / answers
    own.backward()
    torch.testing.assert_close(own, loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradients(model), expected, rtol=1e-3, atol=1e-6)


def test_the_end_of_the_answer_is_trained(base: Any, examples: list[Example]) -> None:
    """Its label is the padding token, which a mask by token id would drop."""
    batch = batch_of(examples[:1])
    whole = answer_loss(base, batch)
    batch["labels"][0, -1] = -100
    assert answer_loss(base, batch) < whole - 0.1


@PRECISIONS
def test_an_evaluation_changes_neither_loss_nor_gradient(
    tiny_base: Path,
    quantised_adapter: Path,
    examples: list[Example],
    precision: dict[str, str],
) -> None:
    """On CPUs with bfloat16 an NF4 layer would repack itself for a kernel without gradient."""
    model, batch = tuned(tiny_base, quantised_adapter, precision), batch_of(examples)
    answer_loss(model.train().get_base_model(), batch).backward()
    expected = gradients(model)
    with torch.inference_mode():
        before = answer_loss(model.eval().get_base_model(), batch)
    answer_loss(model.train().get_base_model(), batch).backward()
    torch.testing.assert_close(gradients(model), expected)
    torch.testing.assert_close(answer_loss(model.eval().get_base_model(), batch), before)
