"""Fit an adapter to records: what needs the device and the libraries that compute."""

import json
import logging
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from peft import LoraConfig, get_peft_model
from transformers import TrainingArguments

from ecslm.common.files import write_json, write_jsonl
from ecslm.models.architecture import require_adaptable
from ecslm.models.bases import read_base
from ecslm.models.cost import CostMeter, training_cost
from ecslm.models.loading import load_base_model, load_tokenizer, require_device, use_threads
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import Record
from ecslm.training.batches import Example, encode_example, plan_steps
from ecslm.training.checkpoints import Checkpoints, last_checkpoint
from ecslm.training.fused_llama import fuse
from ecslm.training.progress import Progress
from ecslm.training.settings import AdapterSettings, TrainingSettings
from ecslm.training.trainer import PlannedTrainer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What an adapter is fitted to, and how; `work` is the directory of its checkpoints."""

    records: Mapping[str, Sequence[Record]]
    """By split: train, validation."""
    base: Path
    prompt: PromptTemplate
    settings: AdapterSettings
    seed: int
    device: str
    threads: int
    work: Path
    checkpoint_seconds: float


def fit_adapter(task: Task, made: Path) -> dict[str, Any]:
    """Write the adapter's files, log.jsonl and cost.json into `made`.

    Returns:
        The fields of the manifest that are found in training.

    Raises:
        InputError: the base was altered or cannot be loaded, the device is missing, or a record
            does not fit.
    """
    settings, records = task.settings, task.records
    target = require_device(task.device)
    use_threads(target, task.threads)
    base_manifest, base_folder = read_base(task.base)
    chosen = settings.training
    require_adaptable(base_folder, base_manifest.base, chosen.rank, chosen.target_modules)
    meter = CostMeter(target)
    tokenizer = load_tokenizer(base_folder)
    max_length = settings.training.max_length
    examples = {
        split: [
            encode_example(row, task.prompt, settings.shots, tokenizer, max_length) for row in rows
        ]
        for split, rows in records.items()
    }
    validation_examples = _evenly(examples["validation"], settings.training.max_val_records)
    # Before the adapter is created, whose initial weights depend on this seed.
    transformers.set_seed(task.seed)
    model = load_base_model(base_folder, settings.precision, target, chosen.fused)
    trainer = _trainer(
        model,
        tokenizer,
        examples["train"],
        validation_examples,
        settings.training,
        task.seed,
        task.work,
    )
    trainer.add_callback(Checkpoints(task.checkpoint_seconds))
    trainer.add_callback(Progress())
    trainer.remove_callback(transformers.PrinterCallback)
    checkpoint = last_checkpoint(task.work)
    log.info(
        "%d records, %d steps, %s",
        len(records["train"]),
        trainer.args.max_steps,
        f"from {checkpoint.name}" if checkpoint else "from the start",
    )
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    _save_adapter(trainer.model, made, base_manifest.base, base_manifest.revision)
    history = trainer.state.log_history
    # Entries restored from a checkpoint have their keys in another order.
    losses = [
        dict(sorted(entry.items())) for entry in history if "loss" in entry or "eval_loss" in entry
    ]
    write_jsonl(made / "log.jsonl", losses)
    write_json(
        made / "cost.json",
        training_cost(meter, losses[-1]["seconds"], losses[-1]["tokens"]),
    )
    return {
        "best_step": int(trainer.state.best_global_step or trainer.state.global_step),
        **_counts(records["train"], examples["train"]),
    }


def _trainer(
    model: Any,
    tokenizer: Any,
    train: Sequence[Example],
    validation: Sequence[Example],
    settings: TrainingSettings,
    seed: int,
    work: Path,
) -> PlannedTrainer:
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
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
    steps = plan_steps(
        [len(example) for example in train],
        settings.epochs,
        settings.global_batch,
        settings.batch_tokens,
        seed,
    )
    steps_per_epoch = len(steps) // settings.epochs
    return PlannedTrainer(
        steps=steps,
        examples=train,
        validation=validation,
        padding=tokenizer.eos_token_id,
        budget=settings.batch_tokens,
        model=adapted,
        args=TrainingArguments(
            output_dir=str(work),
            max_steps=len(steps),
            optim="adamw_torch",
            learning_rate=settings.learning_rate,
            lr_scheduler_type=settings.scheduler,
            warmup_steps=math.ceil(settings.warmup_ratio * len(steps)),
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm,
            eval_strategy="steps",
            eval_steps=steps_per_epoch,
            save_strategy="steps",
            save_steps=steps_per_epoch,
            save_total_limit=None,  # `Checkpoints` removes old ones
            load_best_model_at_end=True,
            metric_for_best_model="eval_loss",
            greater_is_better=False,
            logging_steps=1,
            logging_nan_inf_filter=False,
            disable_tqdm=True,  # `Progress` shows the bar
            report_to="none",
            seed=seed,
            use_cpu=model.device.type == "cpu",
            remove_unused_columns=False,
        ),
    )


def _save_adapter(model: Any, folder: Path, base: str, revision: str) -> None:
    """Save only weights and configuration, in bytes that do not depend on the machine."""
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    configuration = json.loads(path.read_text(encoding="utf-8"))
    # peft writes the modules in the order of a set, which varies, and the path of the base.
    configuration["target_modules"] = sorted(configuration["target_modules"])
    configuration["base_model_name_or_path"], configuration["revision"] = base, revision
    write_json(path, configuration)


def _counts(records: Sequence[Record], examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """The manifest's counts by task."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("records", "tokens", "answer_tokens", "truncated")
    }
    for record, example in zip(records, examples, strict=True):
        counts["records"][record.task] += 1
        counts["tokens"][record.task] += len(example)
        counts["answer_tokens"][record.task] += len(example.answer)
        counts["truncated"][record.task] += example.truncated
    return {name: dict(sorted(counter.items())) for name, counter in counts.items()}


def _evenly(examples: list[Example], count: int | None) -> list[Example]:
    """`count` evenly spaced examples, so that each task keeps its share."""
    if count is None or count >= len(examples):
        return examples
    return [examples[i * len(examples) // count] for i in range(count)]
