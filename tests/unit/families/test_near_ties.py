"""Of tokens that bfloat16 cannot tell apart, the one is chosen that a head in float32 prefers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import prediction_settings

from ecslm.families.transformers.generation import Engine, load_model, open_mode
from ecslm.families.transformers.network import BEST, Network
from ecslm.models.bases import read_base
from ecslm.models.loading import load_tokenizer
from ecslm.models.precision import Precision

CASES = {
    "base": ("none", False, True),
    "merged": ("none", True, True),
    "adapter beside the head": ("nf4", True, False),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def model(request: pytest.FixtureRequest, tiny_base: Path, quantised_adapter: Path) -> Any:
    quantization, tuned, fused = request.param
    precision = Precision(quantization=quantization, dtype="bfloat16")
    adapter = quantised_adapter.parent if tuned else None
    model = load_model(read_base(tiny_base)[1], adapter, precision, fused, torch.device("cpu"))
    # Logits far from zero, as those of large models: bfloat16 tells few of them apart.
    head = plain(model)
    far = torch.randn(head.weight.shape[1], generator=torch.Generator().manual_seed(1))
    head.weight = torch.nn.Parameter(head.weight + 2 * far.bfloat16(), requires_grad=False)
    return model


def plain(model: Any) -> Any:
    """The head without an adapter."""
    head = model.get_output_embeddings()
    return getattr(head, "base_layer", head)


def in_float32(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """All logits by peft and torch, from the same weights and states in float32."""
    weight = plain(model).weight.float()
    if plain(model) is not (head := model.get_output_embeddings()):
        weight = weight + head.get_delta_weight("default").float()
    return hidden.float() @ weight.T


@pytest.fixture
def states(model: Any) -> torch.Tensor:
    size = model.get_input_embeddings().weight.shape[1]
    return torch.randn(600, size, generator=torch.Generator().manual_seed(0)).bfloat16()


def unlike(full: torch.Tensor, logits: torch.Tensor) -> int:
    """Rows of which the best token is not one of the best in float32, but for its last digits."""
    chosen = full.gather(1, logits.argmax(-1, keepdim=True))[:, 0]
    best = full.amax(-1)
    return int((best - chosen > 1e-6 * best.abs()).sum())


@torch.inference_mode()
def test_the_best_token_is_that_of_a_head_in_float32(model: Any, states: torch.Tensor) -> None:
    network = Network(model)
    rounded, full = network.logits(states), in_float32(model, states)
    assert unlike(full, rounded) > 20
    refined = network.refined(rounded.clone(), states)
    assert unlike(full, refined) == 0
    alone = [network.refined(rounded[[i]], states[[i]]) for i in range(60)]
    assert torch.equal(torch.cat(alone).argmax(-1), refined[:60].argmax(-1))
    # Sampling sees the sixteen best in float32.
    top = rounded.topk(BEST).indices
    assert torch.allclose(refined.gather(1, top), full.gather(1, top), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_any_number_of_tokens_may_be_tied(model: Any, states: torch.Tensor) -> None:
    network = Network(model)
    states = states + 20 * plain(model).weight.mean(0)
    rounded = network.logits(states)
    tied = (rounded == rounded.amax(-1, keepdim=True)).sum(-1)
    assert (tied > BEST).sum() > 100
    assert unlike(in_float32(model, states), network.refined(rounded, states)) == 0


@torch.inference_mode()
def test_a_token_that_is_not_allowed_stays_so(model: Any, states: torch.Tensor) -> None:
    network = Network(model)
    allowed = torch.zeros_like(network.logits(states), dtype=torch.bool)
    allowed[:, [3, 77, 78]] = True
    refined = network.refined(network.logits(states).masked_fill(~allowed, -torch.inf), states)
    assert torch.equal(refined.isfinite(), allowed)
    full = in_float32(model, states).masked_fill(~allowed, -torch.inf)
    assert unlike(full, refined) == 0


def test_answers_are_those_of_a_head_in_float32(
    model: Any, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_tokenizer(read_base(tiny_base)[1])
    settings = prediction_settings(decoding={"max_new_tokens": 40})
    prompts = [tokenizer(f"{number}. Which of these?")["input_ids"] for number in range(12)]
    engine = Engine(model, open_mode(settings, tokenizer), 0)

    def found() -> list[str]:
        return [one.text for one in engine.generate(prompts, 0)]

    ours = found()
    with monkeypatch.context() as patch:
        patch.setattr(Network, "refined", lambda _, __, hidden: in_float32(model, hidden))
        assert ours == found()
    monkeypatch.setattr(Network, "refined", lambda _, logits, __: logits)
    assert ours != found()
