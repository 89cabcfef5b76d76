"""Micro-batches without padding: examples one after the other in one row, kept apart by attention.

Positions start anew with each example, and attention is computed within each one alone: by the
kernel for sequences of several lengths that torch has for GPUs, elsewhere one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from ecslm.common.errors import InputError
from ecslm.training.batches import IGNORED, Batch, Example

# The name of the attention in transformers.
ATTENTION = "within_examples"
# What the kernel needs: flash attention of torch, https://pytorch.org/docs/stable/nn.attention.html
KERNEL_TYPES = (torch.float16, torch.bfloat16)
KERNEL_CAPABILITY = (8, 0)
KERNEL_LARGEST_HEAD, KERNEL_HEAD_STEP = 256, 8
# Arguments of other architectures' attention that would change what is attended to, or how.
UNSUPPORTED = ("sliding_window", "softcap", "s_aux", "position_bias")


@dataclass(frozen=True)
class Packed:
    """Examples one after the other, without padding."""

    def group(self, members: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Micro-batches: the longest member first, each into the first one that has room."""
        micros: list[list[int]] = []
        rooms: list[int] = []
        for index in sorted(members, key=lambda index: -lengths[index]):
            length = lengths[index]
            for number, room in enumerate(rooms):
                if length <= room:
                    micros[number].append(index)
                    rooms[number] -= length
                    break
            else:
                micros.append([index])
                rooms.append(budget - length)
        return micros

    def tokens(self, lengths: Sequence[int]) -> int:
        """Tokens of the examples."""
        return sum(lengths)

    def collate(self, examples: Sequence[Example]) -> Batch:
        """`input_ids`, `position_ids` and `labels`, each (1, tokens), and where examples begin and
        end, in the form of transformers' `FlashAttentionKwargs`."""
        lengths = [len(example) for example in examples]
        tokens: list[int] = []
        positions: list[int] = []
        labels: list[int] = []
        for example in examples:
            tokens += example.prompt + example.answer
            positions += range(len(example))
            labels += [IGNORED] * len(example.prompt) + example.answer
        bounds = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)
        return {
            "input_ids": torch.tensor([tokens]),
            "position_ids": torch.tensor([positions]),
            "labels": torch.tensor([labels]),
            "cu_seq_lens_q": bounds,
            "cu_seq_lens_k": bounds,
            "max_length_q": max(lengths),
            "max_length_k": max(lengths),
        }


def use_packed_attention(model: Any) -> None:
    """Have a causal language model attend within the examples of a packed batch alone.

    Raises:
        InputError: its architecture does not let its attention be replaced.
    """
    AttentionInterface.register(ATTENTION, attend_within_examples)
    model.set_attn_implementation(ATTENTION)
    if model.config._attn_implementation != ATTENTION:
        raise InputError(
            f"training: packing: {type(model).__name__} has an attention of its own: "
            "set `packing: false`"
        )


def attend_within_examples(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each example of a packed batch.

    Args:
        query: (1, heads, tokens, size of a head); keys and values may have fewer heads.
        cu_seq_lens_q: where examples begin, and the number of tokens.
        max_length_q: tokens of the longest example.

    Returns:
        The attended values, (1, tokens, heads, size of a head).

    Raises:
        InputError: the architecture has a kind of attention that this is not.
    """
    if unsupported := [name for name in UNSUPPORTED if options.get(name) is not None]:
        raise InputError(
            f"training: packing: attention with {', '.join(unsupported)} is not supported: "
            "set `packing: false`"
        )
    grouped = key.shape[1] != query.shape[1]
    if _has_kernel(query) and not dropout:
        attended: Any = varlen_attn(
            query[0].transpose(0, 1),
            key[0].transpose(0, 1),
            value[0].transpose(0, 1),
            cu_seq_lens_q,
            cu_seq_lens_q,
            max_length_q,
            max_length_q,
            scale=scaling,
            window_size=(-1, 0),  # causal
            enable_gqa=grouped,
        )
        return attended.unsqueeze(0), None
    parts = [
        scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, start:end],
            value[:, :, start:end],
            dropout_p=dropout,
            is_causal=True,
            scale=scaling,
            enable_gqa=grouped,
        )
        for start, end in pairwise(cu_seq_lens_q.tolist())
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _has_kernel(query: torch.Tensor) -> bool:
    size = query.shape[-1]
    return (
        query.is_cuda
        and query.dtype in KERNEL_TYPES
        and size <= KERNEL_LARGEST_HEAD
        and size % KERNEL_HEAD_STEP == 0
        and torch.cuda.get_device_capability(query.device) >= KERNEL_CAPABILITY
    )
