"""Fit an adapter to records: what needs the device and the libraries that compute."""

import json
import logging
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import write_json, write_jsonl
from ecslm.models.architecture import read_architecture, unknown_targets
from ecslm.models.bases import read_base
from ecslm.models.cost import CostMeter, job_cost
from ecslm.models.loading import (
    compute_deterministically,
    load_base_model,
    load_tokenizer,
    use_threads,
)
from ecslm.models.prompts import PromptTemplate, require_markers
from ecslm.schemas.record import Record
from ecslm.training.attention import has_dropout, use_packed_attention
from ecslm.training.batches import Example, Packed, Padded, encode_example, plan_steps
from ecslm.training.course import Course
from ecslm.training.fused import fuse
from ecslm.training.mixed import prepare
from ecslm.training.progress import Progress
from ecslm.training.settings import AUTO_ON_CPU, AdapterSettings, TrainingSettings
from ecslm.training.trainer import Trainer, join

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
# Every record exceeds this budget; until another one is measured.
ONE_BY_ONE = 1


def fit_adapter(
    *,
    records: Mapping[str, Sequence[Record]],
    base: Path,
    prompt: PromptTemplate,
    settings: AdapterSettings,
    seed: int,
    device: str,
    threads: int,
    checkpoint_seconds: float,
    work: Path,
    rank: int = 0,
    count: int = 1,
    place: str = "",
) -> dict[str, Any]:
    """Write the adapter's files, log.jsonl and cost.json into the directory `work`.

    It has the checkpoint that this continues from. Of several processes that
    train together each calls this, and the first one writes.

    Args:
        records: by split: `train` and `validation`.
        rank: number of this process of `count`, which meet at `place`.

    Returns:
        The fields of the manifest that are found in training.

    Raises:
        InputError: the base was altered, cannot be loaded or lacks a marker of the template, the
            device or a compiler is missing, a record does not fit, or a loss or
            gradient is not finite.
    """
    chosen = settings.training
    if chosen.batch_tokens == "auto" and device == "cpu":
        raise InputError(f"training.batch_tokens: {AUTO_ON_CPU}")
    if chosen.deterministic:
        compute_deterministically(device)
    processes = join(device, rank, count, place)
    target = processes.device
    use_threads(target, threads)
    base_manifest, base_folder = read_base(base)
    fitted = read_architecture(base_folder), base_manifest.base, chosen.target_modules
    refuse(f"training: {problem}" for problem in unknown_targets(*fitted))
    meter = CostMeter(target)
    tokenizer = load_tokenizer(base_folder)
    require_markers(prompt, tokenizer, base_manifest.base)

    def encoded(split: str) -> list[Example]:
        how = prompt, settings.shots, tokenizer, chosen.max_length
        return [encode_example(row, *how).weighing(chosen.loss_weights) for row in records[split]]

    examples, validation = encoded("train"), encoded("validation")
    # Evenly spaced, so that each task keeps its share.
    tested = min(chosen.max_val_records or len(validation), len(validation))
    # The initial weights of the adapter depend on this seed.
    torch.manual_seed(seed)
    model = load_base_model(base_folder, settings.precision, target, chosen.fused)
    model = add_adapter(model, chosen)
    shared = not chosen.dropout and not has_dropout(model.config)
    trainer = Trainer(
        model,
        examples,
        [validation[i * len(validation) // tested] for i in range(tested)],
        Packed(shared) if chosen.packing else Padded(tokenizer.eos_token_id),
        ONE_BY_ONE if chosen.batch_tokens == "auto" else chosen.batch_tokens,
        processes,
        fixed=chosen.deterministic,
    )
    # Of several processes each has dropout masks of its own.
    torch.manual_seed(seed + rank)
    # Draw a number and discard it, so that a seed gives the masks that it gave in earlier versions.
    torch.empty((), dtype=torch.int64).random_()
    course = Course(trainer, plan_steps(examples, chosen, seed), chosen)
    resumed = course.resume(work / CHECKPOINT)
    if device == "cuda":
        trainer.try_heaviest()
    if chosen.batch_tokens == "auto" and not resumed:
        trainer.measure_budget()
    if processes.first:
        numbers = len(examples), len(course.steps), course.done, trainer.budget
        log.info("%d records, %d steps, from step %d, at most %d tokens in a pass", *numbers)
    progress = Progress(len(course.steps), course.done, told=processes.first)
    kept = time.monotonic()
    while course.done < len(course.steps):
        progress.step(course.step())
        if course.at_evaluation:
            progress.evaluated(course.evaluate())
        due = course.at_end_of_epoch or time.monotonic() - kept >= checkpoint_seconds
        if processes.gathered(due)[0]:
            course.write(work / CHECKPOINT)
            kept = time.monotonic()
    summaries = processes.gathered(meter.summary())
    if not processes.first:
        return {}
    best_step = course.take_best()
    save_adapter(model, work, base_folder, base_manifest.revision)
    write_jsonl(work / "log.jsonl", course.history)
    first, last = course.history[0], course.history[-1]
    budget = first["batch_tokens"] if chosen.batch_tokens == "auto" else chosen.batch_tokens
    known = {
        # Includes the time before a kill; `job_seconds` does not.
        "seconds": last["seconds"],
        "job_seconds": meter.seconds(),
        "tokens": last["tokens"],
        # Lower at the end where memory did not suffice.
        "batch_tokens": budget,
        "batch_tokens_at_end": trainer.budget,
        "devices": len(summaries),
    }
    write_json(work / "cost.json", job_cost(summaries, resumed, **known))
    return {"best_step": best_step, **_counts(examples)}


def _counts(examples: Sequence[Example]) -> dict[str, Counter[str]]:
    """The manifest's counts by task."""
    names = ("records", "tokens", "answer_tokens", "truncated")
    counts = {name: Counter[str]() for name in names}
    for example in sorted(examples, key=lambda example: example.task):
        own = 1, len(example), len(example.answer), int(example.truncated)
        for name, number in zip(names, own, strict=True):
            counts[name][example.task] += number
    return counts


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
    # Which variant of a compiled kernel is fastest, and so its rounding, differs from run to run.
    prepare(adapted, settings.compiled and not settings.deterministic)
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
