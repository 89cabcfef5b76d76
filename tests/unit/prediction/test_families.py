"""Families of models answer as transformers lets them: Llama, Mistral, Bloom and others."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from support.families import (
    FAMILIES,
    LIMIT,
    NEVER,
    batches,
    greedy,
    tiny_network,
    write_tiny_family,
)
from support.model_examples import QUANTISED
from transformers import MarianConfig, MarianForCausalLM

from ecslm.common.errors import InputError
from ecslm.models.precision import Precision
from ecslm.prediction.generation import generate
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import read
from ecslm.prediction.transformers_engine import load_model

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10)
@given(prompts=batches())
def test_answers_of_each_family_are_those_of_transformers(
    family: str, prompts: list[list[int]]
) -> None:
    model = tiny_network(family)
    answers = generate(Network(model), prompts, NEVER, LIMIT)
    assert answers == greedy(model, prompts)


TOKENS = [[5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 40], [5, 6, 60, 61, 62], [300]]


@pytest.mark.parametrize("family", ["llama", "mistral", "bloom"])
def test_prefixes_are_shared_in_the_families_of_the_study(family: str) -> None:
    network = Network(tiny_network(family))
    with torch.inference_mode():
        read(network, TOKENS, 1)
    assert network.prefixes


def test_nothing_pads_between_the_tokens_where_padding_would_count() -> None:
    model = tiny_network("mistral with a window")
    network = Network(model)
    with torch.inference_mode():
        read(network, TOKENS, 1)
    assert not network.prefixes
    sharing = Network(model)
    sharing.counts_padding = False
    prompts = [[*prompt, *range(70, 70 + extra)] for extra in (1, 6) for prompt in TOKENS[:3]]
    answers = generate(sharing, prompts, NEVER, LIMIT)
    assert answers != greedy(model, prompts)


@pytest.mark.parametrize("family", ["llama", "mistral", "bloom"])
@pytest.mark.parametrize("fused", [True, False], ids=["unpacked", "packed"])
def test_quantised_models_of_each_family_answer_as_in_transformers(
    family: str, fused: bool, tmp_path: Path
) -> None:
    folder = write_tiny_family(tmp_path, family)
    precision = Precision.model_validate(QUANTISED)
    model = load_model(folder, None, precision, fused, torch.device("cpu"))
    answers = generate(Network(model), TOKENS, NEVER, LIMIT)
    assert answers == greedy(model, TOKENS)
    plain: Any = load_model(
        folder, None, Precision(quantization="none", dtype="float32"), fused, torch.device("cpu")
    )
    assert answers != greedy(plain, TOKENS)


def test_a_model_that_takes_no_positions_is_refused() -> None:
    """Padding on the left would give its tokens other positions."""
    sizes = {"d_model": 8, "decoder_layers": 1, "decoder_attention_heads": 1, "decoder_ffn_dim": 8}
    config = MarianConfig(
        vocab_size=40, pad_token_id=0, decoder_start_token_id=0, is_decoder=True, **sizes
    )
    with pytest.raises(InputError, match="marian: architectures that take no positions"):
        Network(MarianForCausalLM(config))
