"""The settings of a training as arguments of the Trainer."""

import math
from pathlib import Path

from transformers import TrainingArguments

from ecslm.training.settings import TrainingSettings


def training_arguments(
    settings: TrainingSettings, steps: int, seed: int, work: Path, cpu: bool
) -> TrainingArguments:
    """Evaluation and a checkpoint in `work` after each epoch; the best one is kept."""
    steps_per_epoch = steps // settings.epochs
    return TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        optim="adamw_torch",
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=math.ceil(settings.warmup_ratio * steps),
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
        use_cpu=cpu,
        remove_unused_columns=False,
    )
