"""A causal language model as generation uses it: hidden states, and logits only where needed."""

from collections.abc import Sequence
from math import gcd
from typing import Any

import torch
from peft import PeftModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from ecslm.common.errors import InputError

# Architectures that take no positions, but count the tokens of the mask: padding may be anywhere.
COUNT_TOKENS = ("bloom",)

# The best tokens, whose logits are computed in float32. More of them are where the last could still
# be the best: the error of a rounded logit is taken to be at most this share of the best one, two
# to four times that of rounding to bfloat16.
BEST, DOUBT = 16, 2**-6
BLOCK = 64

States = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, each rows x heads x tokens x size of a head."""


class Network:
    """A causal language model, with or without an adapter beside it."""

    def __init__(self, model: Any) -> None:
        """
        Raises:
            InputError: the state of a layer is more than keys and values of tokens, or padding
                would change the positions of tokens.
        """
        causal = model.get_base_model() if isinstance(model, PeftModel) else model
        self._body, self._head = causal.base_model, causal.get_output_embeddings()
        # Without the adapter beside it.
        self._plain = getattr(self._head, "base_layer", self._head)
        self.device: torch.device = causal.device
        layers = {type(layer) for layer in DynamicCache(config=causal.config).layers}
        name: str = causal.config.model_type
        positioned = name in COUNT_TOKENS or _takes_positions(self._body.forward)
        if not positioned or not layers <= {DynamicLayer, DynamicSlidingWindowLayer}:
            raise InputError(
                f"{name}: not supported: a layer's state is more than keys and values of tokens, "
                "or positions of tokens are ignored"
            )
        self.counts_padding = DynamicSlidingWindowLayer in layers
        """Whether padding between tokens would count as tokens: a layer attends to a window, in
        which it takes their place."""
        self.prefixes: dict[tuple[tuple[int, ...], ...], States] = {}
        """Those that prompts of the last batch shared, by their tokens in the parts in which they
        were read, which decide how numbers are rounded. No others: memory depends on one batch."""

    def states(
        self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Cache
    ) -> torch.Tensor:
        """All hidden states, rows x tokens x size; the tokens are added to the cache.

        Args:
            tokens: rows x tokens.
            mask: rows x tokens, with those in the cache; 0: padding.
            positions: of the tokens, rows x tokens.
        """
        states: torch.Tensor = self._body(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        return states

    def tensor(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Rows of numbers on the device of the model."""
        return torch.tensor(rows, device=self.device)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits as float32, rows x vocabulary, of hidden states, rows x size; rounded to the type
        of the weights.

        Not of a slice of rows x tokens x size: torch would copy the head once for each row.

        Raises:
            InputError: a state is not finite: any token might be taken for the likeliest.
        """
        if not hidden.isfinite().all():
            raise InputError(
                f"the model computes values that are not finite on {self.device}, as attention to "
                "padding may: set another `dtype`, or update torch"
            )
        logits: torch.Tensor = self._head(hidden)
        return logits.float()

    def refined(self, logits: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Logits, some of them -inf, with the best of each row computed again in float32, in place.

        Of bfloat16 values near 37, which are multiples of 0.25, often several are the largest.
        """
        if self._plain.weight.dtype == torch.float32:
            return logits
        count, width = BEST, logits.shape[1]
        while True:
            values, tokens = _largest(logits, min(count, width))
            best, last = values[:, :1], values[:, -1:]
            if count >= width or not (last >= best - DOUBT * best.abs()).any():
                break
            count *= 2
        exact = self._exact(hidden, tokens).masked_fill(values == -torch.inf, -torch.inf)
        return logits.scatter_(1, tokens, exact)

    def log_probabilities(
        self, hidden: torch.Tensor, places: Sequence[int], tokens: Sequence[int]
    ) -> list[float]:
        """The log-probability of each of some tokens after the hidden state in its place."""
        total = self.refined(self.logits(hidden), hidden).logsumexp(dim=-1)
        logits = self._exact(hidden[list(places)], self.tensor([[token] for token in tokens]))
        found: list[float] = (logits[:, 0] - total[list(places)]).tolist()
        return found

    def _exact(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Logits in float32 of some tokens of each row, rows x tokens."""
        states, head = hidden.float(), self._plain
        parts = [(head.weight, states)]
        for name in getattr(self._head, "active_adapters", ()):
            low = states @ self._head.lora_A[name].weight.float().T
            parts.append((self._head.lora_B[name].weight, low * self._head.scaling[name]))
        logits = torch.zeros_like(tokens, dtype=torch.float32)
        for weight, part in parts:
            logits += (weight[tokens].float() @ part[..., None])[..., 0]
        return logits if head.bias is None else logits + head.bias[tokens].float()


def _largest(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest of each row, and their places, as `topk`, which takes eight times as long on a
    CPU: they are in the blocks with the largest values."""
    size = gcd(logits.shape[1], BLOCK)
    blocks = logits.view(len(logits), -1, size)
    chosen = blocks.amax(dim=-1).topk(min(count, blocks.shape[1])).indices
    some = blocks.gather(1, chosen[..., None].expand(-1, -1, size)).flatten(1)
    values, places = some.topk(count)
    return values, chosen.gather(1, places // size) * size + places % size


def _takes_positions(forward: Any) -> bool:
    # Not `inspect.signature`: it reads annotations, which are not in the digest of this code.
    while hasattr(forward, "__wrapped__"):
        forward = forward.__wrapped__
    return "position_ids" in forward.__code__.co_varnames
