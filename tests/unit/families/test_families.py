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

from ecslm.families.transformers import prefill
from ecslm.families.transformers.generation import generate, load_model
from ecslm.families.transformers.network import Network
from ecslm.families.transformers.prefill import shared_prefixes
from ecslm.models.precision import Precision

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


@pytest.mark.parametrize("family", ["llama", "mistral", "bloom", "mistral with a window"])
def test_prefixes_are_shared_where_padding_between_tokens_does_not_count(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_network(family)
    shared: list[int | None] = []
    monkeypatch.setattr(
        prefill,
        "shared_prefixes",
        lambda prompts, worth: shared.append(worth) or shared_prefixes(prompts, worth),
    )
    prompts = [[*prompt, *range(70, 70 + extra)] for extra in (1, 6) for prompt in TOKENS[:3]]
    network = Network(model)
    assert generate(network, prompts, NEVER, LIMIT) == greedy(model, prompts)
    windowed = family == "mistral with a window"
    assert (shared == [None]) == windowed
    network.counts_padding = False
    assert (generate(network, prompts, NEVER, LIMIT) != greedy(model, prompts)) == windowed


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
