"""The adapter: its untrained matrices in a base, and its files."""

import json
import warnings
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model

from ecslm.common.files import write_json
from ecslm.training.fused_llama import fuse
from ecslm.training.packing import use_packed_attention
from ecslm.training.settings import TrainingSettings


def add_adapter(model: Any, settings: TrainingSettings) -> Any:
    """The base with an untrained adapter, ready for training."""
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    if settings.packing:
        use_packed_attention(model)
    # The warning does not apply: the adapter is the head's only, and prediction unties the head.
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    adapted = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=sorted(settings.target_modules),
            bias="none",
        ),
    )
    if settings.fused:
        fuse(adapted)
    return adapted


def save_adapter(model: Any, folder: Path, base: Path, revision: str) -> None:
    """Save only weights and configuration, which says where its base is.

    Args:
        base: directory of the base, as seen from the project: there `AutoPeftModelForCausalLM` of
            peft loads the adapter with its base, whose `revision` a directory has only in words.
    """
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    configuration = json.loads(path.read_text(encoding="utf-8"))
    # peft writes the modules in the order of a set, which varies.
    configuration["target_modules"] = sorted(configuration["target_modules"])
    configuration["base_model_name_or_path"], configuration["revision"] = str(base), revision
    write_json(path, configuration)
