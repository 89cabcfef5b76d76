"""Fused layers: what they compute is what transformers and peft compute, gradients included."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cosine_similarity

from ecslm.training import fused as fused_layers
from ecslm.training.batches import Example, Packed, Padded
from ecslm.training.fused import fuse
from ecslm.training.settings import TrainingSettings

from .gradients import far_from_zero, load, loss_and_gradients

ALL = TrainingSettings().target_modules
Found = tuple[torch.Tensor, dict[str, torch.Tensor]]


@pytest.fixture(scope="module")
def examples(examples: list[Example]) -> list[Example]:
    return examples[:4]


def adapted(
    base: Path,
    dtype: str = "float32",
    dequantized: bool = True,
    targets: Sequence[str] = ALL,
    dropout: float = 0.0,
    checkpointing: bool = False,
    device: str = "cpu",
) -> Any:
    """The base in NF4 with an adapter whose matrices are all far from zero."""
    model = load(base, {"dtype": dtype}, dequantized=dequantized)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    config = LoraConfig(r=4, lora_alpha=8, target_modules=[*targets], lora_dropout=dropout)
    return far_from_zero(get_peft_model(model, config).train()).to(device)


def padded(examples: Sequence[Example]) -> dict[str, Any]:
    return Padded(2).collate(examples)


def fused(base: Path, batch: dict[str, Any], **options: Any) -> Found:
    model = adapted(base, **options)
    fuse(model)
    return loss_and_gradients(model, batch)


def assert_equal(found: Found, expected: Found) -> None:
    """Within 1e-5 of the loss, and of each matrix within 1e-4 of its norm."""
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=0)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        assert torch.dist(found[1][name], gradient) < 1e-4 * gradient.norm(), name


def least_cosine(found: Found, expected: Found) -> float:
    assert found[1].keys() == expected[1].keys()
    pairs = ((found[1][name].flatten(), expected[1][name].flatten()) for name in expected[1])
    return min(float(cosine_similarity(one, other, dim=0)) for one, other in pairs)


@pytest.mark.parametrize("block", [64, 1024])
def test_loss_and_gradients_of_every_matrix_are_those_of_the_plain_layers(
    tiny_base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Whether all queries of a sample attend at once or in several blocks."""
    assert 64 < min(map(len, examples)) < max(map(len, examples)) < 1024
    monkeypatch.setattr(fused_layers, "BLOCK", block)
    expected = loss_and_gradients(adapted(tiny_base), padded(examples))
    assert len(expected[1]) == 2 * (2 * 7 + 1)
    assert_equal(fused(tiny_base, padded(examples)), expected)


def test_updates_of_some_layers_only(tiny_base: Path, examples: list[Example]) -> None:
    targets = ["k_proj", "up_proj", "down_proj"]
    batch = padded(examples[:2])
    expected = loss_and_gradients(adapted(tiny_base, targets=targets), batch)
    assert_equal(fused(tiny_base, batch, targets=targets), expected)


@pytest.mark.parametrize("block", [64, 1024])
@pytest.mark.parametrize("share", [False, True])
def test_samples_in_one_row_without_padding_do_not_see_each_other(
    tiny_base: Path,
    examples: list[Example],
    monkeypatch: pytest.MonkeyPatch,
    share: bool,
    block: int,
) -> None:
    """Whether or not the common beginning of their prompts is computed once."""
    monkeypatch.setattr(fused_layers, "BLOCK", block)
    packed = Packed(share).collate(examples)
    assert bool(packed["prefix_tokens"]) == share
    assert_equal(fused(tiny_base, packed), fused(tiny_base, padded(examples)))


def test_in_bfloat16_gradients_point_where_those_in_float32_do(
    tiny_base: Path, examples: list[Example]
) -> None:
    expected = loss_and_gradients(adapted(tiny_base), padded(examples))
    found = fused(tiny_base, padded(examples), dtype="bfloat16")
    assert {gradient.dtype for gradient in found[1].values()} == {torch.float32}
    torch.testing.assert_close(found[0], expected[0], rtol=1e-2, atol=0)
    assert least_cosine(found, expected) > 0.99


def test_unpacking_the_base_once_gives_the_gradients_of_unpacking_it_each_time(
    tiny_base: Path, examples: list[Example]
) -> None:
    batch = padded(examples)
    each_time = loss_and_gradients(adapted(tiny_base, dequantized=False), batch)
    once = loss_and_gradients(adapted(tiny_base), batch)
    assert least_cosine(once, each_time) > 0.999


@pytest.mark.parametrize(
    "options",
    [
        {"dequantized": False},
        {"device": "meta"},
        {"dropout": 0.1},
        {"checkpointing": True},
        {"targets": [*ALL, "embed_tokens"]},
    ],
)
def test_a_model_that_is_not_known_in_all_parts_stays_as_it_is_and_says_so(
    tiny_base: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    model = adapted(tiny_base, **options)
    fuse(model)
    assert "layers are not fused" in caplog.text
    assert not any("forward" in vars(module) for module in model.modules())
