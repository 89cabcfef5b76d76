"""Families of models answer as transformers lets them: Llama, Mistral and others."""

import pytest
from hypothesis import given, settings
from support.families import (
    FAMILIES,
    LIMIT,
    NEVER,
    batches,
    greedy,
    tiny_network,
)

from ecslm.prediction import prefill
from ecslm.prediction.generation import generate
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import shared_prefixes

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


@pytest.mark.parametrize("family", ["llama", "mistral", "mistral with a window"])
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
