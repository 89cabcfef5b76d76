"""Micro-batches without padding: examples one after the other in one row, kept apart by attention.

Each example's tokens attend to those before them in that example alone, by the kernel for sequences
of several lengths that torch has for GPUs, elsewhere one example after the other. What all prompts
of a micro-batch begin with may stand in the row once: nothing before it differs, so neither do its
hidden states, and its gradient is the sum of those of all examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from ecslm.common.errors import InputError
from ecslm.models.prompts import common_length
from ecslm.training.batches import IGNORED, Batch, Example, Padded

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

    share: bool
    """Whether the common beginning of their prompts is computed once. With dropout, of the adapter
    or of the base, they would share its masks too."""

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
        """Tokens of the examples, those in common counted for each."""
        return sum(lengths)

    def collate(self, examples: Sequence[Example]) -> Batch:
        """`input_ids`, `position_ids`, `labels` and `weights` of tokens in the loss, each (1,
        tokens), and what attention needs:

        - `prefix_tokens`, how many the examples have in common; they come first;
        - `cu_seq_lens_q`, where that prefix, if any, and the rest of each example begin, and the
          number of tokens, and `max_length_q`, the longest of these parts: the names of
          transformers' `FlashAttentionKwargs`;
        - `cu_seq_lens_k` and `max_length_k`, the same of the keys, of which a part after a prefix
          has that too, and with a prefix `key_tokens`, the row's tokens in the order of the keys.
        """
        prefix = self._common(examples)
        tokens = examples[0].prompt[:prefix]
        positions = list(range(prefix))
        labels = [IGNORED] * prefix
        weights = [0.0] * prefix
        for example in examples:
            tokens = tokens + example.prompt[prefix:] + example.answer
            positions += range(prefix, len(example))
            labels += [IGNORED] * (len(example.prompt) - prefix) + example.answer
            weights += [example.token_weight] * (len(example) - prefix)
        rests = [len(example) - prefix for example in examples]
        own = [prefix, *rests] if prefix else rests
        known = [prefix, *(prefix + rest for rest in rests)] if prefix else rests
        batch = {
            "input_ids": torch.tensor([tokens]),
            "position_ids": torch.tensor([positions]),
            "labels": torch.tensor([labels]),
            "weights": torch.tensor([weights]),
            "prefix_tokens": prefix,
            "cu_seq_lens_q": _bounds(own),
            "cu_seq_lens_k": _bounds(known),
            "max_length_q": max(own),
            "max_length_k": max(known),
        }
        if prefix:
            batch["key_tokens"] = _keys(prefix, rests)
        return batch

    def _common(self, examples: Sequence[Example]) -> int:
        """How many tokens are computed once; at least one of each prompt is not."""
        if not self.share or len(examples) < 2:
            return 0
        prompts = [example.prompt[:-1] for example in examples]
        return common_length(min(prompts), max(prompts))


# How the examples of a micro-batch become tensors.
Layout = Padded | Packed


def _bounds(lengths: Sequence[int]) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)


def _keys(prefix: int, rests: Sequence[int]) -> torch.Tensor:
    """The tokens of the prefix, then for each example those of the prefix and its own."""
    first = torch.arange(prefix)
    bounds = pairwise(accumulate(rests, initial=prefix))
    parts = [torch.cat([first, torch.arange(start, end)]) for start, end in bounds]
    return torch.cat([first, *parts])


def has_dropout(config: Any) -> bool:
    """Whether an architecture drops activations of its own in training, by its configuration."""
    # The names differ: attn_pdrop, hidden_dropout, layerdrop.
    return any(rate for name, rate in config.to_dict().items() if "drop" in name)


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
    prefix_tokens: int,
    cu_seq_lens_q: torch.Tensor,
    cu_seq_lens_k: torch.Tensor,
    max_length_q: int,
    max_length_k: int,
    key_tokens: torch.Tensor | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each example of a packed batch.

    Args:
        query: (1, heads, tokens, size of a head); keys and values may have fewer heads.

    The others are those of `Packed.collate`.

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
        if key_tokens is not None:
            key, value = key[:, :, key_tokens], value[:, :, key_tokens]
        attended: Any = varlen_attn(
            query[0].transpose(0, 1),
            key[0].transpose(0, 1),
            value[0].transpose(0, 1),
            cu_seq_lens_q,
            cu_seq_lens_k,
            max_length_q,
            max_length_k,
            scale=scaling,
            # Causal: the last query meets the last key.
            window_size=(-1, 0),
            enable_gqa=grouped,
        )
        return attended.unsqueeze(0), None
    parts = []
    for start, end in pairwise(cu_seq_lens_q.tolist()):
        # The prefix itself has nothing before it.
        before = prefix_tokens if start else 0
        keys, values = (
            torch.cat([each[:, :, :before], each[:, :, start:end]], dim=2) for each in (key, value)
        )
        own = end - start
        parts.append(
            scaled_dot_product_attention(
                query[:, :, start:end],
                keys,
                values,
                attn_mask=causal_lower_right(own, before + own) if before else None,
                dropout_p=dropout,
                is_causal=not before,
                scale=scaling,
                enable_gqa=grouped,
            )
        )
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
