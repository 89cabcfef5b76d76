"""The training loss, computed at answer positions only."""

from typing import Any

import torch
from torch.nn import functional

from ecslm.training.batches import IGNORED, LABELLING, Batch


def answer_loss(causal_model: Any, batch: Batch) -> torch.Tensor:
    """Weighted sum of the cross-entropies, in nats, over the answer tokens of a batch.

    With weights of 1 it equals the full causal loss with masked labels, but the output head, the
    widest layer, is evaluated only at positions with a label.

    `causal_model` has its adapters injected; `batch` comes from a layout's `collate`.
    """
    inputs = {name: value for name, value in batch.items() if name not in LABELLING}
    hidden = causal_model.base_model(**inputs, use_cache=False).last_hidden_state
    targets = batch["labels"][:, 1:]
    trained = targets != IGNORED
    logits = causal_model.get_output_embeddings()(hidden[:, :-1][trained])
    each = functional.cross_entropy(logits.float(), targets[trained], reduction="none")
    return torch.dot(each, batch["weights"][:, 1:][trained])
