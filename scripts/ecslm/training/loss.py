"""The loss, computed at answer positions only."""

from typing import Any

import torch
from torch.nn import functional

from ecslm.training.batches import IGNORED


def answer_loss(causal_model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Sum of the cross-entropies, in nats, over the answer tokens of a batch.

    Equals the full causal loss with masked labels, but the head, whose vocabulary makes it the
    widest layer, works only where a label needs it.

    `causal_model` is the model with its adapters injected; `batch` comes from `collate`.
    """
    hidden = causal_model.base_model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
    ).last_hidden_state
    targets = batch["labels"][:, 1:]
    trained = targets != IGNORED
    logits = causal_model.get_output_embeddings()(hidden[:, :-1][trained])
    return functional.cross_entropy(logits.float(), targets[trained], reduction="sum")
