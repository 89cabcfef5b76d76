"""Attention within each example of a packed batch alone.

Each example's tokens attend to those before them in that example alone, by the kernel for sequences
of several lengths that torch has for GPUs, elsewhere one example after the other. What all prompts
of a micro-batch begin with may stand in the row once: nothing before it differs, so neither do its
hidden states, and its gradient is the sum of those of all examples.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from ecslm.common.errors import InputError

# The name of the attention in transformers.
ATTENTION = "within_examples"
# Arguments of other architectures' attention that would change what is attended to, or how.
UNSUPPORTED = ("sliding_window", "softcap", "s_aux", "position_bias")


def has_dropout(config: Any) -> bool:
    """Whether an architecture drops activations of its own in training, by its configuration."""
    # The names differ: attn_pdrop, hidden_dropout, layerdrop.
    return any(rate for name, rate in config.to_dict().items() if "drop" in name)


def use_packed_attention(model: Any) -> None:
    """Have a causal language model attend within the examples of a packed batch alone.

    Raises:
        InputError: its architecture does not let its attention be replaced.
    """
    # Asked once, outside of layers, which may be compiled.
    attention = partial(attend_within_examples, kernel=_has_kernel(model.device))
    AttentionInterface.register(ATTENTION, attention)
    model.set_attn_implementation(ATTENTION)
    if model.config._attn_implementation != ATTENTION:
        own = f"{type(model).__name__} has an attention of its own"
        raise InputError(f"training: packing: {own}: set `packing: false`")


def attend_within_examples(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    *,
    prefix_tokens: int,
    cu_seq_lens_q: torch.Tensor,
    cu_seq_lens_k: torch.Tensor,
    max_length_q: int,
    max_length_k: int,
    key_tokens: torch.Tensor | None = None,
    kernel: bool = False,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each example of a packed batch.

    Args:
        query: (1, heads, tokens, size of a head); keys and values may have fewer heads.
        kernel: whether the device has one for several lengths. It drops no weights of attention;
            dropout of updates is another one.

    The others are those of `Packed.collate`.

    Returns:
        The attended values, (1, tokens, heads, size of a head).

    Raises:
        InputError: the architecture has a kind of attention that this is not.
    """
    if unsupported := [name for name in UNSUPPORTED if options.get(name) is not None]:
        what = f"attention with {', '.join(unsupported)} is not supported"
        raise InputError(f"training: packing: {what}: set `packing: false`")
    common: dict[str, Any] = {"scale": scaling, "enable_gqa": key.shape[1] != query.shape[1]}
    if kernel and _fits_kernel(query) and not dropout:
        if key_tokens is not None:
            key, value = key[:, :, key_tokens], value[:, :, key_tokens]
        heads = [each[0].transpose(0, 1) for each in (query, key, value)]
        lengths = cu_seq_lens_q, cu_seq_lens_k, max_length_q, max_length_k
        # Causal: the last query meets the last key.
        attend: Any = varlen_attn
        attended = attend(*heads, *lengths, window_size=(-1, 0), **common)
        return attended.unsqueeze(0), None
    parts = []
    for start, end in pairwise(cu_seq_lens_q.tolist()):
        # The prefix itself has nothing before it.
        before = prefix_tokens if start else 0
        keys, values = (
            torch.cat([each[:, :, :before], each[:, :, start:end]], dim=2) for each in (key, value)
        )
        own = end - start
        seen: dict[str, Any] = (
            {"attn_mask": causal_lower_right(own, before + own)} if before else {}
        )
        queries = query[:, :, start:end]
        part = scaled_dot_product_attention(
            queries, keys, values, dropout_p=dropout, is_causal=not before, **seen, **common
        )
        parts.append(part)
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _has_kernel(device: torch.device) -> bool:
    """Whether torch has flash attention for the device, see
    https://pytorch.org/docs/stable/nn.attention.html."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def _fits_kernel(query: torch.Tensor) -> bool:
    size, halves = query.shape[-1], (torch.float16, torch.bfloat16)
    return query.dtype in halves and size <= 256 and size % 8 == 0
