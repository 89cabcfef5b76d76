"""Training on a GPU in bfloat16: where products are computed in that type, and layers are compiled.

Weights of updates, their gradients and moments are float32; only what is multiplied is rounded. On
other devices and in float32 nothing here has an effect.
"""

import os
import shutil
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from transformers.modeling_layers import GradientCheckpointingLayer

from ecslm.common.errors import InputError

# Most ways in which the layers, which have one code, are compiled before torch silently computes
# them as they are: with a mask or without, one row or several, in training or evaluation, and the
# first layer, whose input needs no gradient, apart from the others. Eight, torch's own limit, are
# too few.
VARIANTS = 64


def is_mixed(causal: Any) -> bool:
    """Whether products of a causal language model's training are in bfloat16, updates included."""
    return causal.device.type == "cuda" and causal.dtype is torch.bfloat16


def mixed_products(causal: Any) -> torch.autocast:
    """The context of a model's forward pass; its backward pass computes in the same types."""
    return torch.autocast(causal.device.type, torch.bfloat16, enabled=is_mixed(causal))


def prepare(adapted: Any, compiled: bool) -> None:
    """Have a peft model keep the inputs of its updates as they are, and compile its layers.

    Raises:
        InputError: there is no compiler.
    """
    if not is_mixed(adapted.get_base_model()):
        return
    if compiled and not any(map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))):
        raise InputError("training: no C compiler was found: install one, or set `compiled: false`")
    for module in adapted.modules():
        if isinstance(module, LoraLayer):
            # Autocast would round again what peft has cast to float32.
            module.cast_input_dtype_enabled = False
        if compiled and isinstance(module, GradientCheckpointingLayer):
            # Of any length: otherwise each new one would be compiled.
            module.compile(dynamic=True, recompile_limit=VARIANTS)
