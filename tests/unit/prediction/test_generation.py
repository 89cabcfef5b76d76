"""Generated answers are those of transformers, whatever prefixes are shared and rows leave."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from ecslm.common.errors import InputError
from ecslm.prediction import prefill
from ecslm.prediction.choosing import Likeliest, Sampling
from ecslm.prediction.generation import Generator
from ecslm.prediction.network import Network

LIMIT = 8
NEVER = 400  # not in the vocabulary

TOKENS = st.lists(st.integers(3, 390), min_size=1, max_size=7)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()


@pytest.fixture(autouse=True)
def small_chunks() -> Iterator[None]:
    with mock.patch.dict(prefill.CHUNK, cpu=20), mock.patch.dict(prefill.WORTH, cpu=3):
        yield


def reference(model: Any, prompts: list[list[int]], end: int) -> list[list[int]]:
    """Greedy answers of transformers, one prompt at a time."""
    answers = []
    for prompt in prompts:
        tokens = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=LIMIT,
            eos_token_id=end,
            pad_token_id=0,
            do_sample=False,
        )
        answers.append(tokens[0, len(prompt) :].tolist())
    return answers


@st.composite
def batches(draw: st.DrawFn) -> list[list[int]]:
    """Prompts of which some begin with the same tokens."""
    stems = draw(st.lists(TOKENS, min_size=1, max_size=3))
    parts = st.tuples(st.sampled_from(stems), st.sampled_from([[], *stems]), TOKENS)
    return [
        list(chain.from_iterable(some)) for some in draw(st.lists(parts, min_size=1, max_size=7))
    ]


@settings(max_examples=15)
@given(batches(), st.data())
def test_answers_are_those_of_transformers(
    model: Any, prompts: list[list[int]], data: st.DataObject
) -> None:
    endless = reference(model, prompts, NEVER)
    end = data.draw(st.sampled_from([NEVER, *endless[0], *endless[-1]]))
    expected = [answer[: answer.index(end) + 1] if end in answer else answer for answer in endless]
    assert Generator(Network(model), end).generate(prompts, LIMIT, Likeliest()) == expected


PROMPTS = [
    [5, 6, 7, 8, 9, 10],
    [5, 6, 7, 8, 40],
    [5, 6, 7, 8, 41, 42, 43],
    [5, 6, 60, 61, 62, 63, 64, 65],
    [5, 6, 60, 61, 62, 70],
    [300, 301],
]


def test_a_row_leaves_the_batch_when_its_answer_is_complete(model: Any) -> None:
    expected = reference(model, PROMPTS, NEVER)
    end = expected[0][2]
    stops = [answer.index(end) if end in answer else LIMIT - 1 for answer in expected]
    assert len(set(stops)) > 1
    seen: list[torch.Size] = []
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    Generator(Network(model), end).generate(PROMPTS, LIMIT, Likeliest())
    hook.remove()
    steps = range(max(stops) + 1)
    width = model.config.hidden_size
    # Two dimensions: with three, torch would copy the head for each row of a slice.
    assert seen == [(sum(stop >= step for stop in stops), width) for step in steps]


def test_shared_prefixes_are_read_once_in_all_batches(model: Any) -> None:
    tokens: list[int] = []
    embedding = model.get_input_embeddings()
    hook = embedding.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0].numel()))
    generator = Generator(Network(model), NEVER)
    first = generator.generate(PROMPTS, 1, Likeliest())
    # [5, 6], then [7, 8] and [60, 61, 62], then the rests, padded in one chunk of at most 20.
    assert sorted(tokens[:3]) == [2, 2, 3]
    count = len(tokens)
    assert generator.generate(PROMPTS, 1, Likeliest()) == first
    hook.remove()
    assert tokens[count:] == tokens[3:count]


def test_what_was_read_before_changes_no_logit(model: Any) -> None:
    def logits(reader: prefill.Reader) -> torch.Tensor:
        with torch.inference_mode():
            return reader.read(PROMPTS, 1).logits

    used = prefill.Reader(Network(model))
    with torch.inference_mode():
        used.read([[*prompt, 9, 9] for prompt in PROMPTS[:4]], 1)
    assert torch.equal(logits(used), logits(prefill.Reader(Network(model))))


def test_the_memory_of_prefixes_is_limited(model: Any) -> None:
    reader = prefill.Reader(Network(model))
    with mock.patch.object(prefill, "KEPT", 2), torch.inference_mode():
        for start in range(10, 15):
            reader.read([[start] * 6 + [1], [start] * 6 + [2]], 1)
    assert len(reader._kept) == 2


def test_a_sampled_answer_is_the_same_alone_and_in_a_batch(model: Any) -> None:
    numbers = torch.rand(len(PROMPTS), LIMIT, generator=torch.Generator().manual_seed(3))
    generator = Generator(Network(model), NEVER)
    together = generator.generate(PROMPTS, LIMIT, Sampling(2.0, 0.9, numbers))
    assert together != generator.generate(PROMPTS, LIMIT, Likeliest())
    end = together[0][1]
    for number, prompt in enumerate(PROMPTS):
        alone = Sampling(2.0, 0.9, numbers[number : number + 1])
        stopping = Generator(Network(model), end)
        batch = stopping.generate(PROMPTS, LIMIT, Sampling(2.0, 0.9, numbers))
        assert stopping.generate([prompt], LIMIT, alone) == [batch[number]]


def test_layers_with_a_window_count_no_padding_as_tokens() -> None:
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=4,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = MistralForCausalLM(config).eval()
    wide = MistralForCausalLM(MistralConfig(**{**config.to_dict(), "sliding_window": None}))
    wide.load_state_dict(model.state_dict())
    expected = reference(model, PROMPTS, NEVER)
    assert Generator(Network(model), NEVER).generate(PROMPTS, LIMIT, Likeliest()) == expected
    assert reference(wide.eval(), PROMPTS, NEVER) != expected


def test_a_model_without_keys_and_values_is_refused() -> None:
    model = MambaForCausalLM(
        MambaConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, state_size=4)
    )
    with pytest.raises(InputError, match=r"mamba: layers of .* are not supported"):
        Network(model)
