"""TRL's SFTTrainer, a recipe of the benchmarks of training. TRL is needed for its rows alone."""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from ecslm.models.architecture import HEAD
from ecslm.training.batches import Example
from ecslm.training.settings import TrainingSettings

VERSION = "1.16.0"


def has_trl() -> bool:
    """Whether TRL is installed; if it is not, a line on stderr asks for it."""
    if find_spec("trl") is not None:
        return True
    print(
        "no rows of trl, which is not installed: `pip install --no-deps --target FOLDER "
        f"trl=={VERSION}`, then run this again with PYTHONPATH=FOLDER",
        file=sys.stderr,
    )
    return False


@dataclass
class Trained:
    """What a training did; times are those of its start and of the end of each step."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """The mean loss of an answer token in each step."""


def without_head(settings: TrainingSettings) -> TrainingSettings:
    """The settings without an adapter on the head, which SFTTrainer refuses."""
    layers = tuple(layer for layer in settings.target_modules if layer != HEAD)
    return settings.model_copy(update={"target_modules": layers})


def train_with_trl(
    model: Any, tokenizer: Any, examples: Sequence[Example], settings: TrainingSettings, batch: int
) -> Trained:
    """Train as TRL's guide sets it up, on the examples in their order.

    Args:
        settings: `without_head`; the learning rate is constant.
        batch: examples of a forward pass.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    rows = {
        "input_ids": [example.prompt + example.answer for example in examples],
        "completion_mask": [
            [0] * len(example.prompt) + [1] * len(example.answer) for example in examples
        ],
    }
    trained = Trained()

    class Clock(TrainerCallback):
        def on_step_begin(self, *_arguments: Any, **_options: Any) -> None:
            if not trained.seconds:
                self._note()

        def on_step_end(self, *_arguments: Any, **_options: Any) -> None:
            self._note()

        def on_log(self, *_arguments: Any, logs: dict[str, float], **_options: Any) -> None:
            if "loss" in logs:
                trained.losses.append(logs["loss"])

        def _note(self) -> None:
            synchronise(model.device)
            trained.seconds.append(time.perf_counter())
            trained.cpu_seconds.append(time.process_time())

    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            args=SFTConfig(
                output_dir=folder,
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=settings.global_batch // batch,
                num_train_epochs=settings.epochs,
                train_sampling_strategy="sequential",
                learning_rate=settings.learning_rate,
                lr_scheduler_type="constant",
                max_grad_norm=settings.max_grad_norm,
                completion_only_loss=True,
                max_length=None,
                bf16=model.device.type == "cuda",
                use_cpu=model.device.type == "cpu",
                gradient_checkpointing=False,
                logging_steps=1,
                disable_tqdm=True,
                report_to="none",
                save_strategy="no",
            ),
            train_dataset=Dataset.from_dict(rows),
            peft_config=LoraConfig(
                task_type="CAUSAL_LM",
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.dropout,
                target_modules=list(settings.target_modules),
            ),
            callbacks=[Clock()],
        )
        trainer.train()
    return trained


def synchronise(device: Any) -> None:
    """Wait until a GPU has done what it was told."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
