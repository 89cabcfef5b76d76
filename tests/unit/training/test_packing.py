"""Packed micro-batches: no padding, and no attention from one example to another."""

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import EXACT
from torch.nn.functional import scaled_dot_product_attention
from transformers import GPT2Config, LlamaConfig, OPTConfig, PreTrainedConfig

from ecslm.common.errors import InputError
from ecslm.training import attention
from ecslm.training.attention import attend_within_examples, has_dropout, use_packed_attention
from ecslm.training.batches import Example, Packed, Padded

from .gradients import loss_and_gradients, tuned

HEADS, GROUPS, SIZE = 4, 2, 16


@pytest.fixture(scope="module")
def examples(examples: list[Example]) -> list[Example]:
    return examples[:5]


@pytest.fixture(scope="module")
def packed(tiny_base: Path, exact_adapter: Path) -> Any:
    return tuned(tiny_base, exact_adapter, EXACT, packed=True)


@pytest.fixture(scope="module")
def separate(tiny_base: Path, exact_adapter: Path, examples: list[Example]) -> Any:
    """Loss and gradients of the examples one by one, with the architecture's own attention."""
    model = tuned(tiny_base, exact_adapter, EXACT)
    return loss_and_gradients(model, *(Padded(2).collate([example]) for example in examples))


@pytest.mark.parametrize("share", [False, True])
def test_the_packed_loss_is_the_sum_of_the_separate_ones_and_so_are_its_gradients(
    packed: Any, separate: Any, examples: list[Example], share: bool
) -> None:
    batch = Packed(share).collate(examples)
    prefix = batch["prefix_tokens"]
    assert bool(prefix) == share
    again = prefix * (len(examples) - 1)
    assert batch["input_ids"].shape == (1, sum(map(len, examples)) - again)
    found = loss_and_gradients(packed, batch)
    torch.testing.assert_close(found[0], separate[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(found[1], separate[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "drops"),
    [
        (LlamaConfig(), False),
        (GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, summary_first_dropout=0), False),
        (OPTConfig(), True),
    ],
)
def test_dropout_of_the_base_is_found_whatever_its_name(
    config: PreTrainedConfig, drops: bool
) -> None:
    """Records that share a prefix would share its masks."""
    assert has_dropout(config) == drops


def test_at_least_one_token_of_each_prompt_is_its_own(examples: list[Example]) -> None:
    batch = Packed(share=True).collate([examples[0], examples[0]])
    assert batch["prefix_tokens"] == len(examples[0].prompt) - 1
    assert Packed(share=True).collate(examples[:1])["prefix_tokens"] == 0


LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)


@given(LENGTHS, st.integers(16, 600))
def test_packed_micro_batches_have_each_member_once_and_waste_less_than_half(
    lengths: list[int], budget: int
) -> None:
    members = range(len(lengths))
    micros = Packed(share=True).group(members, lengths, budget)
    assert sorted(chain.from_iterable(micros)) == list(members)
    tokens = [sum(lengths[i] for i in micro) for micro in micros]
    assert all(
        len(micro) == 1 or used <= budget for micro, used in zip(micros, tokens, strict=True)
    )
    # Two that would fit into one are never apart.
    assert sum(used <= budget / 2 for used in tokens) <= 1


def random_attention(lengths: list[int], dtype: torch.dtype, prefix: int = 0) -> dict[str, Any]:
    """Of examples with so many tokens of their own after a prefix."""
    generator = torch.Generator().manual_seed(0)
    heads = {"query": HEADS, "key": GROUPS, "value": GROUPS}
    examples = [
        Example("T", [5] * prefix + [i] * length, [1], False) for i, length in enumerate(lengths)
    ]
    batch = Packed(share=True).collate(examples)
    assert batch["prefix_tokens"] == prefix
    tokens = batch.pop("input_ids").numel()
    del batch["labels"], batch["position_ids"]
    tensors = {
        name: torch.randn(1, count, tokens, SIZE, generator=generator).to(dtype)
        for name, count in heads.items()
    }
    return tensors | batch | {"scaling": 0.25}


@pytest.mark.parametrize("prefix", [0, 6])
def test_the_gpu_kernel_is_given_what_is_computed_without_it(
    monkeypatch: pytest.MonkeyPatch, prefix: int
) -> None:
    """The kernel's arguments as torch documents them; its shapes and types by its own checks."""
    given_to_kernel = random_attention([5, 3, 9], torch.bfloat16, prefix)
    tokens = prefix + 5 + 3 + 9 + 3
    expected, _ = attend_within_examples(None, _mask=None, **given_to_kernel)

    def kernel(*given: Any, scale: float, **options: Any) -> torch.Tensor:
        """Causal from the end: the last query meets the last key."""
        query, key, value, cu_seq_q, cu_seq_k, *longest = given
        assert query.shape == (tokens, HEADS, SIZE)
        assert key.shape == value.shape == (tokens + 3 * prefix, GROUPS, SIZE)
        assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
        assert longest == [10, 10 + prefix]
        assert options == {"window_size": (-1, 0), "enable_gqa": True}
        parts = []
        for of_q, of_k in zip(
            pairwise(cu_seq_q.tolist()), pairwise(cu_seq_k.tolist()), strict=True
        ):
            q, k, v = (
                each[slice(*bounds)].transpose(0, 1).float()
                for each, bounds in ((query, of_q), (key, of_k), (value, of_k))
            )
            seen = torch.ones(q.shape[1], k.shape[1]).tril(k.shape[1] - q.shape[1]).bool()
            found = scaled_dot_product_attention(q, k, v, seen, scale=scale, enable_gqa=True)
            parts.append(found.transpose(0, 1))
        return torch.cat(parts).to(query.dtype)

    monkeypatch.setattr(attention, "varlen_attn", kernel)
    found, _ = attend_within_examples(None, _mask=None, kernel=True, **given_to_kernel)
    assert found.shape == expected.shape == (1, tokens, HEADS, SIZE)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)


def test_the_gpu_kernel_is_not_given_what_it_does_not_compute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numbers in float32, and weights of attention that are dropped."""
    monkeypatch.setattr(attention, "varlen_attn", None)
    for dtype, dropout in ((torch.float32, 0.0), (torch.bfloat16, 0.1)):
        given = random_attention([5, 3], dtype) | {"dropout": dropout, "kernel": True}
        assert attend_within_examples(None, _mask=None, **given)[0].shape[1] == 5 + 3 + 2


def test_gpus_have_the_kernel_since_ampere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for capability in ((7, 5), (8, 0)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, now=capability: now)
        found.append(attention._has_kernel(torch.device("cuda")))
    assert found == [False, True]
    assert not attention._has_kernel(torch.device("cpu"))


def test_the_gpu_kernel_accepts_these_arguments() -> None:
    """Its shape function and its own checks, which need no GPU."""
    with torch.device("meta"):
        query, key, value = (
            torch.empty(17, heads, SIZE, dtype=torch.bfloat16, requires_grad=True)
            for heads in (HEADS, GROUPS, GROUPS)
        )
        bounds = torch.empty(4, dtype=torch.int32)
    out: Any = attention.varlen_attn(
        query, key, value, bounds, bounds, 9, 9, scale=0.25, window_size=(-1, 0), enable_gqa=True
    )
    assert out.shape == query.shape
    out.sum().backward()
    assert key.grad is not None


@pytest.mark.parametrize("option", attention.UNSUPPORTED)
def test_another_kind_of_attention_is_refused(option: str) -> None:
    with pytest.raises(InputError, match=f"packing: attention with {option} is not supported"):
        attend_within_examples(
            None, _mask=None, **random_attention([3, 2], torch.float32), **{option: 4}
        )


def test_an_architecture_whose_attention_cannot_be_replaced_is_refused(
    packed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = packed.get_base_model()
    monkeypatch.setattr(model, "_can_set_attn_implementation", lambda: False)
    monkeypatch.setattr(model.config, "_attn_implementation_internal", "sdpa")
    with pytest.raises(InputError, match="set `packing: false`"):
        use_packed_attention(model)
