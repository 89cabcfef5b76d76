"""What tuning teaches: answers that the demo's model gets right, by task, against training tokens.

Validation records only; no test record is looked at. An answer is right if each of its tokens is
the likeliest after the ones before it, that is, if greedy decoding gives it. Each row is one
training, with a learning rate that falls to zero at its end, unless `--every` asks for rows on the
way. The first row is what always giving the most frequent answer would get.
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

# The demo's, apart from sizes of data.
TRAINING = {
    "alpha": 128,
    "learning_rate": 1e-3,
    "dropout": 0.0,
    "epochs": 1,
    "order": "stratified",
    "global_batch": 4,
    "max_length": 1024,
    "batch_tokens": 2000,
    "packing": True,
    "fused": True,
}


def main(arguments: argparse.Namespace) -> None:
    """Train once and print the table."""
    import torch

    from ecslm.models.bases import read_base
    from ecslm.models.loading import load_base_model, load_tokenizer, use_threads
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate
    from ecslm.training.batches import Packed, encode_example, plan_steps
    from ecslm.training.course import Course
    from ecslm.training.fit import add_adapter
    from ecslm.training.settings import TrainingSettings
    from ecslm.training.trainer import Trainer, join

    settings = TrainingSettings.model_validate(TRAINING | arguments.training)
    _, folder = read_base(arguments.base)
    tokenizer = load_tokenizer(folder)
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    examples = {
        split: [
            encode_example(record, template, 0, tokenizer, 1024).weighing(settings.loss_weights)
            for record in rows
        ]
        for split, rows in demo_records(arguments).items()
    }
    processes = join("cpu")
    use_threads(processes.device, arguments.threads)
    torch.manual_seed(arguments.seed)
    precision = Precision(quantization="nf4", dtype="bfloat16")
    base = load_base_model(folder, precision, processes.device, settings.fused)
    steps = plan_steps(examples["train"], settings, arguments.seed)

    tasks = sorted({example.task for example in examples["val"]})
    print_row("tokens", "seconds", *tasks)
    print_row(*["---"] * (2 + len(tasks)))
    print_row("", "most frequent", *map(share, frequent(examples["val"], tasks)))

    trainer = Trainer(
        add_adapter(base, settings),
        examples["train"],
        examples["val"],
        Packed(share=settings.dropout == 0),
        settings.batch_tokens,
        processes,
    )
    course = Course(trainer, steps, settings)
    following, evaluating, start = arguments.every, 0.0, time.perf_counter()
    while course.done < len(steps):
        done = course.step()["tokens"]
        if done >= following or course.done == len(steps):
            following += arguments.every
            before = time.perf_counter()
            found = right(trainer)
            scores = [share(found[task]) for task in tasks]
            print_row(done, f"{before - start - evaluating:.0f}", *scores)
            evaluating += time.perf_counter() - before


def right(trainer: Any) -> dict[str, float]:
    """The share of right answers to the validation records of each task."""
    import torch

    found: dict[str, list[bool]] = {}
    causal = trainer.model.eval().get_base_model()
    for example in trainer.validation:
        batch = trainer.layout.collate([example])
        del batch["labels"], batch["weights"]
        with torch.inference_mode():
            hidden = causal.base_model(**batch, use_cache=False).last_hidden_state
            logits = causal.get_output_embeddings()(hidden[0, -len(example.answer) - 1 : -1])
        found.setdefault(example.task, []).append(logits.argmax(-1).tolist() == example.answer)
    return {task: sum(each) / len(each) for task, each in found.items()}


def demo_records(arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """The first records of each task's dataset files, by split: train, val."""
    from ecslm.schemas.record import read_records

    records: dict[str, list[Any]] = {"train": [], "val": []}
    # In the order in which training has them, which decides what comes out.
    for folder in sorted(path for path in arguments.dataset.iterdir() if path.is_dir()):
        if arguments.tasks is None or folder.name in arguments.tasks:
            for split, found in records.items():
                most = arguments.sizes.get(folder.name) if split == "train" else None
                found += read_records(folder / f"{split}.jsonl")[:most]
    return records


def frequent(examples: list[Any], tasks: list[str]) -> list[float]:
    """The share of the most frequent answer of each task."""
    answers = {task: Counter[tuple[int, ...]]() for task in tasks}
    for example in examples:
        answers[example.task][tuple(example.answer)] += 1
    return [max(counts.values()) / counts.total() for counts in answers.values()]


def share(value: float) -> str:
    """A share with two digits."""
    return f"{value:.2f}"


def print_row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    add("--training", type=json.loads, default={}, help="training settings that differ: JSON")
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    add("--sizes", type=json.loads, default={}, help="at most so many training records: JSON")
    add("--tasks", nargs="+", help="tasks trained and evaluated; by default all")
    add("--every", type=int, default=10**9, help="training tokens between rows")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=2)
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
