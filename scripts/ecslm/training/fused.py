"""Faster layers for Llama models with adapters on a CPU, for those of transformers and peft.

The model keeps its modules, and its parameters their names and values: only what computes is
replaced, by operations in few passes over memory, with hand-written gradients. Matrices are
multiplied in the type of the base's weights, which are constants here. Sums, norms, rotations and
the residual stream are float32.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import torch
from peft.tuners.lora import Embedding as AdaptedEmbedding
from peft.tuners.lora import Linear as Adapted
from torch import nn
from torch.autograd import Function
from torch.nn import functional
from transformers.models.llama.modeling_llama import LlamaForCausalLM

log = logging.getLogger(__name__)

# Queries that attend together: they all meet every key up to the last of them.
BLOCK = 256


def fuse(model: Any) -> None:
    """Replace what the layers of a peft model compute if all of it is known.

    Samples are padded on the right, if at all: nothing attends to a later token.
    """
    causal = model.get_base_model()
    if not _is_known(causal):
        log.warning("layers are not fused: see `fused` in the documentation of `training`")
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


def _is_known(causal: Any) -> bool:
    """Whether these layers compute all that a model does: those of a Llama model on a CPU."""
    if type(causal) is not LlamaForCausalLM or causal.device.type != "cpu":
        return False
    # Gradient checkpointing replaces what they compute, too.
    config, plain = causal.config, not causal.is_activation_checkpointing
    plain &= config.hidden_act == "silu" and not config.attention_dropout
    for layer in causal.modules():
        plain &= not isinstance(layer, AdaptedEmbedding | nn.Dropout)
        if isinstance(base := _base(layer), nn.Linear):
            # Those that are quantised are of another type.
            plain &= type(base) is nn.Linear and base.bias is None
    return plain


class _FusedLayer:
    """What a decoder layer computes; called as its `forward`."""

    def __init__(self, layer: Any, config: Any) -> None:
        own, mlp = layer.self_attn, layer.mlp
        self._queries, self._keys = config.num_attention_heads, config.num_key_value_heads
        self._size = own.head_dim
        self._before_attention = _norm(layer.input_layernorm)
        self._heads = _linear([own.q_proj, own.k_proj, own.v_proj])
        self._after_attention = _linear([own.o_proj])
        self._before_mlp = _norm(layer.post_attention_layernorm)
        self._gate_and_up = _linear([mlp.gate_proj, mlp.up_proj])
        self._down = _linear([mlp.down_proj])

    def __call__(
        self, hidden_states: torch.Tensor, position_embeddings: Any = None, **options: Any
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
        lengths = [tokens] * rows
        if (bounds := options.get("cu_seq_lens_q")) is not None:
            lengths = [end - start for start, end in pairwise(bounds.tolist())]
        prefix = options.get("prefix_tokens", 0)
        attended = apply(CausalAttention, heads, self._queries, self._keys, lengths, prefix)
        hidden = hidden + self._after_attention(attended.reshape(rows * tokens, -1))
        hidden = hidden + self._down(apply(Swiglu, self._gate_and_up(self._before_mlp(hidden))))
        return hidden.view(rows, tokens, width)


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
        normed = apply(RmsNorm, rows, weight, layer.variance_epsilon)
        return normed.view(hidden.shape)

    return norm


def apply(function: type[Function], *arguments: Any) -> torch.Tensor:
    """The result of a function, with its gradient."""
    result: torch.Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return result


class RmsNorm(Function):
    """x / sqrt(mean(x^2) + epsilon) * weight.

    Arguments: x (tokens, width), float32; the weight, whose type the result has; epsilon.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        """The norm."""
        squares = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True).square_()
        inverse = squares.div_(hidden.shape[-1]).add_(epsilon).rsqrt_()
        exact = weight.float()
        ctx.save_for_backward(hidden, exact, inverse)
        normed: torch.Tensor = (hidden * inverse).mul_(exact).to(weight.dtype)
        return normed

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of `hidden`."""
        hidden, weight, inverse = ctx.saved_tensors
        scaled = gradient * weight
        share = (scaled * hidden).sum(-1, keepdim=True)
        share.mul_(inverse.pow(3)).div_(-hidden.shape[-1])
        return scaled.mul_(inverse).addcmul_(hidden, share), None, None


class AdaptedLinear(Function):
    """Layers of one input as one product, with low-rank updates of some of them.

    Arguments: (tokens, inputs); a matrix of `joint_weight`, with its weights already in place; the
    updates' scale; the first output of each update; then for each update its matrices (rank,
    inputs) and (outputs, rank).
    """

    @staticmethod
    def forward(
        ctx: Any,
        entry: torch.Tensor,
        joint: torch.Tensor,
        scale: float,
        starts: Sequence[int],
        *matrices: torch.Tensor,
    ) -> torch.Tensor:
        """The outputs (tokens, outputs), of the type of the weights."""
        ctx.places = tuple(_places(starts, matrices[1::2]))
        ctx.scale = scale
        inputs = entry.shape[-1]
        outputs = len(joint) - (joint.shape[-1] - inputs)
        down, up = joint[outputs:, :inputs], joint[:outputs, inputs:]
        torch.cat(matrices[::2], out=down)
        for (rows, columns), matrix in zip(ctx.places, matrices[1::2], strict=True):
            torch.mul(matrix, scale, out=up[rows, columns])
        both = torch.cat([entry, entry @ down.t()], dim=1)
        ctx.save_for_backward(both, joint)
        return both @ joint[:outputs].t()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of the input and of the updates' matrices."""
        both, joint = ctx.saved_tensors
        outputs = gradient.shape[-1]
        inputs = both.shape[-1] - (len(joint) - outputs)
        entry, low = both[:, :inputs], both[:, inputs:]
        of_low = gradient @ joint[:outputs, inputs:]
        of_entry = None
        if ctx.needs_input_grad[0]:
            of_entry = torch.cat([gradient, of_low], dim=1) @ joint[:, :inputs]
        of_down = (of_low.t() @ entry).float()
        of_up = (low.t() @ gradient).float().mul_(ctx.scale).t()
        pairs = ((of_down[columns], of_up[rows, columns]) for rows, columns in ctx.places)
        return of_entry, None, None, None, *chain.from_iterable(pairs)


def joint_weight(weights: Sequence[torch.Tensor], ranks: int) -> torch.Tensor:
    """Frozen weights (outputs, inputs) of layers above one another, with room for updates.

    To the right are the updates' matrices (outputs, ranks), below them those (ranks, inputs): so a
    product and its update are summed before they are rounded. Of a sum of two bfloat16 numbers
    nothing would be left of an update that is smaller than the product's last digit.
    """
    outputs = sum(len(weight) for weight in weights)
    joint = weights[0].new_zeros(outputs + ranks, weights[0].shape[1] + ranks)
    torch.cat(list(weights), out=joint[:outputs, :-ranks])
    return joint


def _places(starts: Sequence[int], ups: Sequence[torch.Tensor]) -> Iterator[tuple[slice, slice]]:
    """The rows and columns of each update in the matrix of all."""
    column = 0
    for start, matrix in zip(starts, ups, strict=True):
        outputs, rank = matrix.shape
        yield slice(start, start + outputs), slice(column, column + rank)
        column += rank


class Swiglu(Function):
    """silu(gate) * up of (tokens, gate and up side by side)."""

    @staticmethod
    def forward(ctx: Any, both: torch.Tensor) -> torch.Tensor:
        """The product (tokens, half the width)."""
        ctx.save_for_backward(both)
        gate, up = both.chunk(2, -1)
        return functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of gate and up."""
        (both,) = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        of_both = torch.empty_like(both)
        of_gate, of_up = of_both.chunk(2, -1)
        torch.mul(gradient, functional.silu(gate), out=of_up)
        torch.ops.aten.silu_backward.grad_input(gradient * up, gate, grad_input=of_gate)
        return of_both


class Rotary(Function):
    """Rotary position embedding of the first `rotated` heads of (tokens, heads, size).

    `cos` and `sin` are (tokens, 1, size / 2).
    """

    @staticmethod
    def forward(
        ctx: Any, heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, rotated: int
    ) -> torch.Tensor:
        """The heads, rotated."""
        ctx.rotated = rotated
        ctx.save_for_backward(cos, sin)
        return _rotate(heads, cos, sin, rotated)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the heads, rotated back."""
        cos, sin = ctx.saved_tensors
        return _rotate(gradient, cos, -sin, ctx.rotated), None, None, None


def _rotate(
    heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, rotated: int
) -> torch.Tensor:
    first, second = heads[:, :rotated].float().chunk(2, -1)
    result = heads.clone()
    half = first.shape[-1]
    result[:, :rotated, :half] = (first * cos).addcmul_(second, sin, value=-1)
    result[:, :rotated, half:] = (second * cos).addcmul_(first, sin)
    return result


class CausalAttention(Function):
    """Attention of each sample's tokens to those before them, of samples one after another.

    Arguments: (tokens, heads of queries, keys and values, size); how many heads are queries, and
    how many keys; the samples' lengths; and how long the first one is if it is a beginning that all
    others share, else 0.
    """

    @staticmethod
    def forward(
        ctx: Any, heads: torch.Tensor, queries: int, keys: int, lengths: Sequence[int], prefix: int
    ) -> torch.Tensor:
        """The attended values (tokens, heads of queries, size)."""
        size = heads.shape[-1]
        mask = _causal_mask(min(BLOCK, max(lengths)), queries // keys, heads)
        result = torch.empty_like(heads[:, :queries])
        weights = []
        for rows, shared, before in _blocks(lengths, prefix):
            query = _group(heads[rows, :queries], keys)
            key, value = _known(heads, queries, shared, before)
            scores = torch.bmm(query, key.transpose(1, 2)).mul_(size**-0.5)
            own = rows.stop - rows.start
            scores[:, :, -own:] += mask[: query.shape[1], :own]
            weights.append(torch.softmax(scores, -1))
            result[rows] = _ungrouped(torch.bmm(weights[-1], value), own)
        ctx.queries, ctx.keys, ctx.lengths, ctx.prefix = queries, keys, lengths, prefix
        ctx.save_for_backward(heads, *weights)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the heads."""
        heads, *all_weights = ctx.saved_tensors
        queries, keys = ctx.queries, ctx.keys
        scale = heads.shape[-1] ** -0.5
        # The keys of a shared beginning get a gradient from each sample.
        of_heads = torch.zeros_like(heads, dtype=torch.float32)
        of_key, of_value = of_heads[:, queries : queries + keys], of_heads[:, queries + keys :]
        blocks = _blocks(ctx.lengths, ctx.prefix)
        for (rows, shared, before), weights in zip(blocks, all_weights, strict=True):
            query = _group(heads[rows, :queries], keys)
            key, value = _known(heads, queries, shared, before)
            of_result = _group(gradient[rows], keys)
            _add(of_value, shared, before, torch.bmm(weights.transpose(1, 2), of_result))
            of_weights = torch.bmm(of_result, value.transpose(1, 2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            of_query = torch.bmm(of_scores, key).mul_(scale)
            of_heads[rows, :queries] = _ungrouped(of_query, rows.stop - rows.start)
            _add(of_key, shared, before, torch.bmm(of_scores.transpose(1, 2), query * scale))
        return of_heads.to(heads.dtype), None, None, None, None


def _blocks(lengths: Sequence[int], prefix: int) -> Iterator[tuple[slice, slice, slice]]:
    """Rows of queries; and of the keys that at least one of them attends to, those of the shared
    prefix and those of the sample itself."""
    start = 0
    for length in lengths:
        for first in range(start, start + length, BLOCK):
            last = min(first + BLOCK, start + length)
            yield slice(first, last), slice(prefix if start else 0), slice(start, last)
        start += length


def _causal_mask(length: int, group: int, like: torch.Tensor) -> torch.Tensor:
    """0, or -infinity where a key is later: (length x group, length), heads of a token together."""
    mask = like.new_full((length, length), float("-inf")).triu_(1)
    return mask.repeat_interleave(group, 0)


def _known(
    heads: torch.Tensor, queries: int, shared: slice, before: slice
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values, each (keys, tokens, size)."""
    known = heads[before, queries:]
    if shared.stop:
        known = torch.cat([heads[shared, queries:], known])
    key, value = known.transpose(0, 1).chunk(2)
    return key, value


def _add(total: torch.Tensor, shared: slice, before: slice, part: torch.Tensor) -> None:
    """Add a gradient of keys or values (keys, tokens, size) to that of all (tokens, keys, size)."""
    of_shared, of_own = part.transpose(0, 1).tensor_split([shared.stop])
    total[shared] += of_shared
    total[before] += of_own


def _group(heads: torch.Tensor, keys: int) -> torch.Tensor:
    """From (tokens, queries, size) to (keys, tokens x group, size)."""
    tokens, queries, size = heads.shape
    grouped = heads.reshape(tokens, keys, queries // keys, size).transpose(0, 1)
    return grouped.reshape(keys, -1, size)


def _ungrouped(grouped: torch.Tensor, tokens: int) -> torch.Tensor:
    """From (keys, tokens x group, size) to (tokens, queries, size)."""
    keys, _, size = grouped.shape
    return grouped.view(keys, tokens, -1, size).transpose(0, 1).reshape(tokens, -1, size)
