"""A causal language model as generation uses it: hidden states, and logits only where needed."""

from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from ecslm.common.errors import InputError


class Network:
    """A causal language model, with or without an adapter beside it."""

    def __init__(self, model: Any) -> None:
        """
        Raises:
            InputError: the state of a layer is more than keys and values of tokens.
        """
        causal = model.get_base_model() if isinstance(model, PeftModel) else model
        self._body, self._head = causal.base_model, causal.get_output_embeddings()
        self.device: torch.device = causal.device
        layers = {type(layer) for layer in DynamicCache(config=causal.config).layers}
        if unknown := layers - {DynamicLayer, DynamicSlidingWindowLayer}:
            names = ", ".join(sorted(kind.__name__ for kind in unknown))
            raise InputError(f"{causal.config.model_type}: layers of {names} are not supported")
        self.counts_padding = DynamicSlidingWindowLayer in layers
        """Whether a layer attends to a window, in which padding takes the place of tokens."""

    def hidden(
        self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Cache
    ) -> torch.Tensor:
        """The last hidden state of each row, rows x size; the tokens are added to the cache.

        Args: as of `states`.
        """
        return self.states(tokens, mask, positions, cache)[:, -1]

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
        """Logits in float32, rows x vocabulary, of hidden states, rows x size.

        Not of a slice of rows x tokens x size: torch would copy the head once for each row.
        """
        logits: torch.Tensor = self._head(hidden)
        return logits.float()
