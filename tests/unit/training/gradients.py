"""Models with an adapter whose training goes on, and the gradients of its loss."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.training.attention import use_packed_attention
from ecslm.training.batches import Batch
from ecslm.training.trainer import answer_loss


def load(base: Path, precision: Mapping[str, str], device: str = "cpu", **options: bool) -> Any:
    chosen = Precision.model_validate(precision)
    return load_base_model(read_base(base)[1], chosen, torch.device(device), **options)


def tuned(base: Path, adapter: Path, precision: Mapping[str, str], packed: bool = False) -> Any:
    """The base with a trained adapter whose training goes on, without dropout."""
    model = load(base, precision)
    if packed:
        use_packed_attention(model)
    model = PeftModel.from_pretrained(model, adapter.parent, is_trainable=True)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.eval()


def far_from_zero(model: Any) -> Any:
    """The model, with all matrices of its adapter far from zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)
    return model


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """Those of each matrix, which are then forgotten."""
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    found = {name: weight.grad.clone() for name, weight in weights.items()}
    model.zero_grad()
    return found


def loss_and_gradients(model: Any, *batches: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    total = torch.stack([answer_loss(model.get_base_model(), one) for one in batches]).sum()
    total.backward()
    return total.detach(), gradients(model)
