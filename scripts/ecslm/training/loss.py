"""The training loss, computed at answer positions only."""

from typing import Any, NamedTuple

import torch
from torch.nn import functional

from ecslm.training.batches import IGNORED, LABELLING, Batch


class AnswerTokens(NamedTuple):
    """The answer tokens of a batch, those of one example after those of the one before."""

    logits: torch.Tensor
    """Logits of each token given all before it, (tokens, vocabulary), in float32."""
    targets: torch.Tensor
    """The answer tokens, (tokens,)."""
    weights: torch.Tensor
    """The weight of each token in the loss, (tokens,)."""

    def loss(self) -> torch.Tensor:
        """Weighted sum of the cross-entropies, in nats: a scalar."""
        each = functional.cross_entropy(self.logits, self.targets, reduction="none")
        return torch.dot(each, self.weights)


def answer_tokens(causal_model: Any, batch: Batch) -> AnswerTokens:
    """One forward pass; the output head, the widest layer, is evaluated only where a label is.

    `causal_model` has its adapters injected; `batch` comes from a layout's `collate`.
    """
    inputs = {name: value for name, value in batch.items() if name not in LABELLING}
    hidden = causal_model.base_model(**inputs, use_cache=False).last_hidden_state
    targets = batch["labels"][:, 1:]
    answered = targets != IGNORED
    logits = causal_model.get_output_embeddings()(hidden[:, :-1][answered])
    return AnswerTokens(logits.float(), targets[answered], batch["weights"][:, 1:][answered])


def answer_loss(causal_model: Any, batch: Batch) -> torch.Tensor:
    """Weighted sum of the cross-entropies, in nats, over the answer tokens of a batch.

    With weights of 1 it equals the full causal loss with masked labels. Arguments are those of
    `answer_tokens`.
    """
    return answer_tokens(causal_model, batch).loss()
