"""Generated answers are those of transformers, whatever prefixes are shared and rows leave."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.families import LIMIT, NEVER, batches, greedy
from transformers import BartConfig, BartForCausalLM, MambaConfig, MambaForCausalLM

from ecslm.common.errors import InputError
from ecslm.families.transformers.generation import generate, likeliest, sampling
from ecslm.families.transformers.network import Network
from ecslm.families.transformers.prefill import read, shared_prefixes

pytestmark = pytest.mark.usefixtures("small_chunks")


@settings(max_examples=15)
@given(batches(), st.data())
def test_answers_are_those_of_transformers(
    model: Any, prompts: list[list[int]], data: st.DataObject
) -> None:
    endless = greedy(model, prompts)
    end = data.draw(st.sampled_from([NEVER, *endless[0], *endless[-1]]))
    expected = [answer[: answer.index(end) + 1] if end in answer else answer for answer in endless]
    assert generate(Network(model), prompts, end, LIMIT) == expected


PROMPTS = [
    *([5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 40], [5, 6, 7, 8, 41, 42, 43]),
    *([5, 6, 60, 61, 62, 63, 64, 65], [5, 6, 60, 61, 62, 70], [300, 301]),
]


def test_a_row_leaves_the_batch_when_its_answer_is_complete(model: Any) -> None:
    expected = greedy(model, PROMPTS)
    end = expected[0][2]
    stops = [answer.index(end) if end in answer else LIMIT - 1 for answer in expected]
    assert len(set(stops)) > 1
    seen: list[torch.Size] = []
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    generate(Network(model), PROMPTS, end, LIMIT)
    hook.remove()
    steps = range(max(stops) + 1)
    width = model.config.hidden_size
    # Two dimensions: with three, torch would copy the head for each row of a slice.
    assert seen == [(sum(stop >= step for stop in stops), width) for step in steps]


def test_a_shared_prefix_is_read_once_and_kept_for_the_next_batch(model: Any) -> None:
    seen: list[int] = []
    embedding = model.get_input_embeddings()
    hook = embedding.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numel()))
    network = Network(model)
    # [5, 6], then [7, 8] and [60, 61, 62], then the rests, padded.
    whole = [2, 2, 3, 18]
    for prompts, expected in (PROMPTS, whole), (PROMPTS, [18]), ([[9, 9]], [2]), (PROMPTS, whole):
        seen.clear()
        generate(network, prompts, NEVER, 1)
        assert sorted(seen) == expected
    hook.remove()


@given(batches(), st.data())
def test_states_of_prompts_depend_on_their_batch_alone(
    model: Any, prompts: list[list[int]], data: st.DataObject
) -> None:
    network = Network(model)
    some = st.lists(st.sampled_from(prompts), min_size=1)
    for batch in (prompts, *data.draw(st.lists(some, max_size=2)), prompts):
        states, alone = read(network, batch, LIMIT), read(Network(model), batch, LIMIT)
        assert torch.equal(states.hidden, alone.hidden)
        for ours, other in zip(states.cache.layers, alone.cache.layers, strict=True):
            assert torch.equal(ours.keys, other.keys) and torch.equal(ours.values, other.values)


def test_a_sampled_answer_is_the_same_alone_and_in_a_batch(model: Any) -> None:
    numbers = torch.rand(len(PROMPTS), LIMIT, generator=torch.Generator().manual_seed(3))
    network, drawn = Network(model), sampling(2.0, 0.9, numbers)
    together = generate(network, PROMPTS, NEVER, LIMIT, drawn)
    assert together != generate(network, PROMPTS, NEVER, LIMIT, likeliest)
    end = together[0][1]
    batch = generate(network, PROMPTS, end, LIMIT, drawn)
    for number, prompt in enumerate(PROMPTS):
        alone = sampling(2.0, 0.9, numbers[number : number + 1])
        assert generate(network, [prompt], end, LIMIT, alone) == [batch[number]]


def test_a_model_without_keys_and_values_or_positions_is_refused() -> None:
    sizes = {"vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1}
    decoder = {"d_model": 8, "decoder_layers": 1, "decoder_attention_heads": 1}
    others: tuple[Any, ...] = (
        MambaForCausalLM(MambaConfig(**sizes, state_size=4)),
        # It ignores the positions that it is given.
        BartForCausalLM(BartConfig(vocab_size=40, decoder_ffn_dim=8, is_decoder=True, **decoder)),
    )
    for model in others:
        with pytest.raises(InputError, match="not supported"):
            Network(model)


# Prompts are divided by prefixes that are worth sharing, each prompt once.

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=12)


def test_prompts_share_what_is_worth_it_and_a_longer_prefix_follows_from_a_shorter_one() -> None:
    prompts = [[1, 1, 1, 5, 5, 5, 7], [1, 1, 1, 6], [1, 1, 1, 5, 5, 5, 8, 9], [1, 1, 1, 4, 4]]
    expected = [(3, (3,)), (1, (3,)), (0, (3, 6)), (2, (3, 6))]
    assert shared_prefixes(prompts, worth=3) == expected
    for worth, prefixes in ((4, (3,)), (10, ())):
        assert shared_prefixes(prompts, worth) == [(row, prefixes) for row in (3, 0, 2, 1)]
    assert shared_prefixes(prompts, None) == [(row, ()) for row in range(4)]


@given(st.lists(TOKENS, min_size=1, max_size=8), st.integers(1, 12))
def test_each_prompt_begins_with_its_prefixes_and_sharing_saves_what_it_is_worth(
    prompts: list[list[int]], worth: int
) -> None:
    """At least the last token is left."""
    shared = shared_prefixes(prompts, worth)
    assert sorted(row for row, _ in shared) == list(range(len(prompts)))
    computed = set()
    left = 0
    for row, lengths in shared:
        assert list(lengths) == sorted(set(lengths)) and max(lengths, default=0) < len(prompts[row])
        starts = [0, *lengths]
        computed |= {
            (tuple(prompts[row][:end]), end - start)
            for start, end in zip(starts, lengths, strict=False)
        }
        left += len(prompts[row]) - starts[-1]
    read = left + sum(size for _, size in computed)
    assert read <= sum(map(len, prompts)) - worth * len(computed)


# Tokens are drawn by their probabilities, within top-p.

LOGITS = torch.tensor([[1.0, 3.0, -2.0, 2.0], [0.0, 0.0, 5.0, -1.0]])


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    count = 2000
    numbers = ((torch.arange(count) + 0.5) / count)[:, None]
    logits = LOGITS[:1].expand(count, -1)
    drawn = sampling(0.5, 1.0, numbers)(logits, range(count), 0)
    shares = drawn.bincount(minlength=4) / count
    assert torch.allclose(shares, (LOGITS[0] / 0.5).softmax(0), atol=1 / count)


def test_only_tokens_within_top_p_are_drawn_even_at_the_ends_of_the_range() -> None:
    # The probabilities are 0.09, 0.67, 0.00 and 0.24: the first two in order make 0.91.
    numbers = torch.tensor([[0.0], [1 - 2**-24], [0.7], [0.8]])
    logits = LOGITS[:1].expand(4, -1)
    assert sampling(1.0, 0.9, numbers)(logits, range(4), 0).tolist() == [1, 3, 1, 3]
    assert sampling(1.0, 0.5, numbers)(logits, range(4), 0).tolist() == [1, 1, 1, 1]
    assert sampling(1.0, 1.0, numbers)(logits, range(4), 0).tolist() == [0, 3, 1, 3]
