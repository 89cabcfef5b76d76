"""Tiny random models of several architectures, and what transformers lets them answer."""

from functools import cache
from itertools import chain
from typing import Any

import torch
from hypothesis import strategies as st
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

VOCABULARY = 400
NEVER = VOCABULARY  # a token that no model gives
LIMIT = 8

_LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
_FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True}

FAMILIES: dict[str, tuple[type, type, dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, _LLAMA),
    "mistral": (MistralForCausalLM, MistralConfig, _LLAMA | {"sliding_window": None}),
    "mistral with a window": (MistralForCausalLM, MistralConfig, _LLAMA | {"sliding_window": 4}),
    "falcon": (FalconForCausalLM, FalconConfig, _FALCON),
    "gpt2": (GPT2LMHeadModel, GPT2Config, _GPT),
}


@cache
def tiny_network(family: str) -> Any:
    """A model in evaluation mode, whose weights are far apart."""
    model, config, sizes = FAMILIES[family]
    ends = {"bos_token_id": None, "eos_token_id": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = model(config(vocab_size=VOCABULARY, initializer_range=0.3, **ends, **sizes))
    return made.eval()


def greedy(model: Any, prompts: list[list[int]]) -> list[list[int]]:
    """Greedy answers of transformers, one prompt at a time."""
    answers = []
    for prompt in prompts:
        tokens = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=LIMIT,
            eos_token_id=NEVER,
            pad_token_id=0,
            do_sample=False,
        )
        answers.append(tokens[0, len(prompt) :].tolist())
    return answers


TOKENS = st.lists(st.integers(3, 390), min_size=1, max_size=7)


@st.composite
def batches(draw: st.DrawFn) -> list[list[int]]:
    """Prompts of which some begin with the same tokens."""
    stems = draw(st.lists(TOKENS, min_size=1, max_size=3))
    parts = st.tuples(st.sampled_from(stems), st.sampled_from([[], *stems]), TOKENS)
    return [
        list(chain.from_iterable(some)) for some in draw(st.lists(parts, min_size=1, max_size=7))
    ]
