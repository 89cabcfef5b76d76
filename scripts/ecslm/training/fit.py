"""Fit an adapter to records: what needs the device and the libraries that compute."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.models.architecture import require_adaptable
from ecslm.models.bases import read_base
from ecslm.models.cost import CostMeter, training_cost
from ecslm.models.determinism import compute_deterministically
from ecslm.models.loading import load_base_model, load_tokenizer, use_threads
from ecslm.models.prompts import require_markers
from ecslm.schemas.record import Record
from ecslm.training.adapter import add_adapter, save_adapter
from ecslm.training.arguments import training_arguments
from ecslm.training.batches import Example, Layout, Padded, encode_example
from ecslm.training.checkpoints import Checkpoints, last_checkpoint, logged_budget
from ecslm.training.evaluation import FurtherEvaluations, within_epochs
from ecslm.training.memory import GpuMemory
from ecslm.training.packing import Packed, has_dropout
from ecslm.training.processes import join
from ecslm.training.progress import Progress
from ecslm.training.settings import TrainingSettings
from ecslm.training.steps import plan_steps
from ecslm.training.task import Task
from ecslm.training.trainer import PlannedTrainer

log = logging.getLogger(__name__)

NO_MEASURE = (
    "training.batch_tokens: auto measures the memory of a GPU: set a number, or `device: cuda` in "
    "the study"
)
# Every record exceeds this budget; until another one is measured.
ONE_BY_ONE = 1


def fit_adapter(task: Task, work: Path, made: Path) -> dict[str, Any]:
    """Write the adapter's files, log.jsonl and cost.json into `made`.

    The directory `work` has the checkpoints, from the last of which this continues. Of several
    processes that train together each calls this, and the first one writes.

    Returns:
        The fields of the manifest that are found in training.

    Raises:
        InputError: the base was altered, cannot be loaded or lacks a marker of the template, the
            device is missing, or a record does not fit.
    """
    settings, records = task.settings, task.records
    chosen = settings.training
    if chosen.batch_tokens == "auto" and task.device == "cpu":
        raise InputError(NO_MEASURE)
    if chosen.deterministic:
        compute_deterministically(task.device)
    processes = join(task.device, task.processes)
    target = processes.device
    use_threads(target, task.threads)
    base_manifest, base_folder = read_base(task.base)
    fitted = chosen.rank, chosen.target_modules, chosen.max_length
    require_adaptable(base_folder, base_manifest.base, *fitted)
    meter = CostMeter(target)
    tokenizer = load_tokenizer(base_folder)
    require_markers(task.prompt, tokenizer, base_manifest.base)
    max_length = settings.training.max_length
    examples = {
        split: [
            encode_example(row, task.prompt, settings.shots, tokenizer, max_length).weighing(
                chosen.loss_weights
            )
            for row in rows
        ]
        for split, rows in records.items()
    }
    validation_examples = _evenly(examples["validation"], settings.training.max_val_records)
    # Before the adapter is created, whose initial weights depend on this seed.
    transformers.set_seed(task.seed)
    model = load_base_model(base_folder, settings.precision, target, chosen.fused)
    model = add_adapter(model, chosen)
    checkpoint = processes.agreed(last_checkpoint(work) if processes.first else None)
    budget = logged_budget(checkpoint) or chosen.batch_tokens
    steps = plan_steps(examples["train"], chosen, task.seed)
    trainer = PlannedTrainer(
        model=model,
        steps=steps,
        examples=examples["train"],
        validation=validation_examples,
        layout=_layout(chosen, model, tokenizer),
        budget=ONE_BY_ONE if budget == "auto" else budget,
        budget_fixed=chosen.deterministic,
        processes=processes,
        args=training_arguments(chosen, len(steps), task.seed, work, cpu=target.type == "cpu"),
    )
    trainer.start_alike(task.seed)
    if budget == "auto":
        trainer.measure_budget(GpuMemory(target))
    measured = trainer.budget
    further = within_epochs(len(steps), chosen.epochs, chosen.evaluations)
    trainer.add_callback(FurtherEvaluations(further, trainer.evaluate))
    trainer.add_callback(Checkpoints(task.checkpoint_seconds, processes))
    trainer.add_callback(Progress())
    trainer.remove_callback(transformers.PrinterCallback)
    if processes.first:
        log.info(
            "%d records, %d steps, %s, at most %d tokens in a forward pass",
            len(records["train"]),
            trainer.args.max_steps,
            f"from {checkpoint.name}" if checkpoint else "from the start",
            trainer.budget,
        )
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    summaries = processes.gathered(meter.summary())
    if not processes.first:
        return {}

    save_adapter(trainer.model, made, base_folder, base_manifest.revision)
    history = trainer.state.log_history
    # Entries restored from a checkpoint have their keys in another order.
    losses = [
        dict(sorted(entry.items())) for entry in history if "loss" in entry or "eval_loss" in entry
    ]
    write_jsonl(made / "log.jsonl", losses)
    at_start = chosen.batch_tokens
    if at_start == "auto":
        at_start = losses[0]["batch_tokens"] if checkpoint else measured
    cost = training_cost(
        meter.seconds(),
        losses[-1]["seconds"],
        losses[-1]["tokens"],
        summaries,
        (int(at_start), trainer.budget),
        resumed=checkpoint is not None,
    )
    write_json(made / "cost.json", cost)
    return {
        "best_step": int(trainer.state.best_global_step or trainer.state.global_step),
        **_counts(records["train"], examples["train"]),
    }


def _layout(settings: TrainingSettings, model: Any, tokenizer: Any) -> Layout:
    if settings.packing:
        return Packed(share=not settings.dropout and not has_dropout(model.config))
    return Padded(tokenizer.eos_token_id)


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
