"""Faster layers for Llama models with adapters, in place of those of transformers and peft.

The model keeps its modules, and its parameters their names and values: only what computes is
replaced. The residual stream is float32, whatever the type of the base's weights.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from peft.tuners.lora import Embedding as AdaptedEmbedding
from peft.tuners.lora import Linear as Adapted
from torch import nn
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaForCausalLM, eager_attention_forward

from ecslm.training.fused_ops import (
    AdaptedLinear,
    CausalAttention,
    RmsNorm,
    Rotary,
    Swiglu,
    apply,
    joint_weight,
)

log = logging.getLogger(__name__)


def fuse(model: Any) -> None:
    """Replace what the layers of a peft model compute if all of it is known; else say why not.

    Samples are padded on the right, if at all: nothing attends to a later token.
    """
    causal = model.get_base_model()
    if reason := _unknown(causal):
        log.warning("layers are not fused: %s", reason)
        return
    backbone, config = causal.model, causal.config
    backbone.embed_tokens.forward = _embedding(backbone.embed_tokens)
    for layer in backbone.layers:
        layer.forward = _FusedLayer(layer, config)
    backbone.norm.forward = _norm(backbone.norm)
    tied = _base(causal.lm_head).weight is backbone.embed_tokens.weight
    causal.lm_head.forward = _linear([causal.lm_head])
    if tied:
        backbone.embed_tokens.weight = _base(causal.lm_head).weight


def _unknown(causal: Any) -> str | None:
    """What of a model these layers do not compute; None if they compute all of it."""
    if type(causal) is not LlamaForCausalLM:
        return f"{type(causal).__name__} is no Llama model"
    if causal.is_activation_checkpointing:
        return "gradient checkpointing replaces what they compute, too"
    config = causal.config
    for name, known in (("hidden_act", "silu"), ("attention_dropout", 0)):
        if (value := getattr(config, name)) != known:
            return f"{name} is {value}"
    for name, layer in causal.named_modules():
        if isinstance(layer, AdaptedEmbedding):
            return f"{name} has an update"
        if isinstance(layer, Adapted) and any(
            isinstance(dropout, nn.Dropout) for dropout in layer.lora_dropout.values()
        ):
            return "the updates have dropout"
        base = _base(layer)
        if isinstance(base, nn.Linear) and type(base) is not nn.Linear:
            return f"{name.removesuffix('.base_layer')} is quantised"
        if isinstance(base, nn.Linear) and base.bias is not None:
            return f"{name} has a bias"
    return None


class _FusedLayer:
    """What a decoder layer computes; called as its `forward`."""

    def __init__(self, layer: Any, config: Any) -> None:
        self._attention = layer.self_attn
        mlp = layer.mlp
        self._queries, self._keys = config.num_attention_heads, config.num_key_value_heads
        self._size = layer.self_attn.head_dim
        self._before_attention = _norm(layer.input_layernorm)
        self._heads = _linear(
            [self._attention.q_proj, self._attention.k_proj, self._attention.v_proj]
        )
        self._after_attention = _linear([self._attention.o_proj])
        self._before_mlp = _norm(layer.post_attention_layernorm)
        self._gate_and_up = _linear([mlp.gate_proj, mlp.up_proj])
        self._down = _linear([mlp.down_proj])

    def __call__(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_embeddings: Any = None,
        **options: Any,
    ) -> torch.Tensor:
        """The hidden states (rows, tokens, width) after the layer."""
        rows, tokens, width = hidden_states.shape
        hidden = hidden_states.reshape(-1, width)
        heads = self._heads(self._before_attention(hidden)).view(rows * tokens, -1, self._size)
        half = (rows, tokens, self._size // 2)
        cos, sin = (
            table[..., : self._size // 2].float().expand(half).reshape(-1, 1, half[-1])
            for table in position_embeddings
        )
        heads = apply(Rotary, heads, cos, sin, self._queries + self._keys)
        if heads.device.type == "cpu":
            bounds = options.get("cu_seq_lens_q")
            lengths = (
                [tokens] * rows
                if bounds is None
                else [end - start for start, end in pairwise(bounds.tolist())]
            )
            prefix = options.get("prefix_tokens", 0)
            attended = apply(CausalAttention, heads, self._queries, self._keys, lengths, prefix)
        else:
            attended = self._attend(
                heads.view(rows, tokens, -1, self._size), attention_mask, options
            )
        hidden = hidden + self._after_attention(attended.reshape(rows * tokens, -1))
        hidden = hidden + self._down(apply(Swiglu, self._gate_and_up(self._before_mlp(hidden))))
        return hidden.view(rows, tokens, width)

    def _attend(
        self, heads: torch.Tensor, mask: torch.Tensor | None, options: dict[str, Any]
    ) -> torch.Tensor:
        """Attention as the model is configured to compute it; `heads` is (rows, tokens, heads,
        size)."""
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(
            self._attention.config._attn_implementation, eager_attention_forward
        )
        sizes = [self._queries, self._keys, self._keys]
        parts = torch.split(heads.transpose(1, 2), sizes, dim=1)
        attended: torch.Tensor = attend(
            self._attention, *parts, mask, scaling=self._attention.scaling, **options
        )[0]
        return attended


def _linear(layers: Sequence[Any]) -> Callable[[torch.Tensor], torch.Tensor]:
    """One function for linear layers of one input.

    Where some are updated, all get parts of one matrix as their frozen weights, of equal values.
    """
    bases = [_base(layer) for layer in layers]
    starts, matrices, scale, outputs = [], [], 1.0, 0
    for layer, base in zip(layers, bases, strict=True):
        if isinstance(layer, Adapted):
            (name,) = layer.active_adapters
            starts.append(outputs)
            matrices += [layer.lora_A[name].weight, layer.lora_B[name].weight]
            scale = layer.scaling[name]
        outputs += base.out_features
    if not matrices:
        weight = torch.cat([base.weight for base in bases])
        return lambda entry: functional.linear(entry, weight)
    joint = joint_weight([base.weight for base in bases], sum(map(len, matrices[::2])))
    weight = joint[:outputs, : bases[0].in_features]
    parts = torch.split(weight, [base.out_features for base in bases])
    for base, part in zip(bases, parts, strict=True):
        base.weight = nn.Parameter(part, requires_grad=False)
    return lambda entry: apply(AdaptedLinear, entry, joint, scale, starts, *matrices)


def _base(layer: Any) -> Any:
    return layer.get_base_layer() if isinstance(layer, Adapted) else layer


def _embedding(layer: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    # Its weight may be replaced later.
    return lambda tokens: functional.embedding(tokens, layer.weight).float()


def _norm(layer: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def norm(hidden: torch.Tensor) -> torch.Tensor:
        rows = hidden.reshape(-1, hidden.shape[-1])
        weight = layer.weight
        normed = apply(RmsNorm, rows, weight, layer.variance_epsilon, weight.dtype)
        return normed.view(hidden.shape)

    return norm
