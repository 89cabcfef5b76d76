"""Training throughput: ours, packed and fused, against ours in NF4 and float32, and two recipes.

The plain recipe takes batches of eight in random order, padded to the longest, and computes the
logits of every position over the whole vocabulary. The other is TRL's SFTTrainer with batches of
eight, which computes logits at answers only; it refuses an adapter on the head, so it trains
without one. All else is alike: records, steps, adapter and learning rate, in the same run; each
measurement is a process of its own, so that its peak memory is its own. Rates are of wall time and
of CPU time, which others on the machine disturb less.

With `--curves`, the losses of each step of ours side by side, as it was and as it is.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from with_trl import Trained, has_trl, train_with_trl, without_head

# By name, what differs: how batches are made, whether layers are fused, and the type; `auto` is
# bfloat16 where the machine has instructions for it.
RECIPES = {
    "plain": ("whole", False, "float32"),
    "trl": ("trl", False, "float32"),
    "nf4": ("padded", False, "float32"),
    "fused": ("padded", True, "auto"),
    "packed": ("packed", True, "auto"),
}
BATCH = 8
# Of the curves: the recipes, and the options of their runs.
CURVES, LENGTH = ("nf4", "packed"), ["--records", "50", "--passes", "2"]


def main(arguments: argparse.Namespace) -> None:
    """Measure the recipes in turn and print a row for each run, then the ratios."""
    if arguments.recipe:
        print(json.dumps(measure(arguments)))
        return
    if arguments.curves:
        print_curves()
        return
    rates: dict[str, list[tuple[float, float]]] = {
        recipe: [] for recipe in RECIPES if recipe != "trl" or has_trl()
    }
    print("| recipe | tokens/s | of CPU time | optimiser, % | peak memory, GiB | loss by pass |")
    print("|---|---|---|---|---|---|")
    for _ in range(arguments.repeats):
        for recipe in rates:
            row = run_alone(recipe)
            rates[recipe].append((row["rate"], row["cpu_rate"]))
            losses = ", ".join(f"{loss:.3f}" for loss in row["losses"])
            share = "--" if row["optimiser"] is None else f"{100 * row['optimiser']:.1f}"
            print(
                f"| {recipe} | {row['rate']:.0f} | {row['cpu_rate']:.0f} | {share} | "
                f"{row['peak']:.2f} | {losses} |",
                flush=True,
            )
    for baseline in [recipe for recipe in rates if recipe not in ("fused", "packed")]:
        for recipe in ("fused", "packed"):
            pairs = zip(rates[recipe], rates[baseline], strict=True)
            ratios = [
                f"{ours[0] / other[0]:.2f} ({ours[1] / other[1]:.2f})" for ours, other in pairs
            ]
            print(f"{recipe} / {baseline}, by time (by CPU time): {', '.join(ratios)}")


def print_curves() -> None:
    """Print the losses of each step of two recipes, and in bold those of each pass."""
    rows = [run_alone(recipe, *LENGTH) for recipe in CURVES]
    print(f"| pass | step | {' | '.join(CURVES)} |\n{'|---' * (2 + len(CURVES))}|")
    steps = len(rows[0]["by_step"]) // len(rows[0]["losses"])
    for number, of_step in enumerate(zip(*(row["by_step"] for row in rows), strict=True)):
        turn, step = divmod(number, steps)
        print(f"| {turn + 1} | {step + 1} | {' | '.join(f'{loss:.4f}' for loss in of_step)} |")
        if step + 1 == steps:
            means = [f"**{row['losses'][turn]:.4f}**" for row in rows]
            print(f"| **{turn + 1}** | **all** | {' | '.join(means)} |")


def run_alone(recipe: str, *options: str) -> dict[str, Any]:
    """Measure a recipe in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], *options, "--recipe", recipe]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    row: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return row


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on the records with one recipe; tokens are those of the records, unpadded."""
    import torch

    from ecslm.models.bases import read_base
    from ecslm.models.cost import CostMeter
    from ecslm.models.loading import load_base_model, load_tokenizer, require_device, use_threads
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate
    from ecslm.schemas.record import read_records
    from ecslm.training.batches import encode_example
    from ecslm.training.settings import TrainingSettings

    batching, fused, dtype = RECIPES[arguments.recipe]
    device = require_device(arguments.device)
    use_threads(device, arguments.threads)
    _, folder = read_base(arguments.base)
    tokenizer = load_tokenizer(folder)
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    records = read_records(*sorted(arguments.dataset.glob("*/train.jsonl")))
    if not records:
        raise SystemExit(f"{arguments.dataset}: no records: run `make reproduce` first")
    random.Random(0).shuffle(records)
    examples = [
        encode_example(record, template, 0, tokenizer, 2048)
        for record in records[: arguments.records]
    ]
    settings = TrainingSettings(
        dropout=0.0,
        learning_rate=arguments.learning_rate,
        epochs=arguments.passes,
        global_batch=BATCH,
        batch_tokens=arguments.budget,
        packing=batching == "packed",
        fused=fused,
    )
    torch.manual_seed(0)
    base = load_base_model(folder, Precision(dtype=dtype), device, dequantized=fused)
    meter = CostMeter(device)
    optimising = None
    if batching == "trl":
        trained = train_with_trl(base, tokenizer, examples, without_head(settings), BATCH)
    else:
        trained, optimising = train_with_loop(base, tokenizer, examples, settings, batching)
    seconds, cpu_seconds = (
        times[-1] - times[0] for times in (trained.seconds, trained.cpu_seconds)
    )
    tokens = arguments.passes * sum(map(len, examples))
    return {
        "rate": tokens / seconds,
        "cpu_rate": tokens / cpu_seconds,
        "optimiser": None if optimising is None else optimising / seconds,
        "peak": float(meter.summary()["peak_memory_bytes"] or 0) / 2**30,
        "by_step": trained.losses,
        "losses": by_pass(trained.losses, examples),
    }


def train_with_loop(
    base: Any, tokenizer: Any, examples: Sequence[Any], settings: Any, batching: str
) -> tuple[Trained, float]:
    """Train by the plain recipe (`whole`) or ours; returns the seconds of the optimiser too."""
    import torch
    from accelerate.utils import send_to_device

    from ecslm.training.batches import Layout, Packed, Padded
    from ecslm.training.fit import add_adapter
    from ecslm.training.trainer import answer_loss

    device = base.device
    model = add_adapter(base, settings).train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    lengths = [len(example) for example in examples]
    layout: Layout = Packed(share=True) if settings.packing else Padded(tokenizer.eos_token_id)
    trained, optimising = Trained([time.perf_counter()], [time.process_time()]), 0.0
    for _ in range(settings.epochs):
        for members in in_steps(range(len(examples))):
            of_step = sum(len(examples[i].answer) for i in members)
            micros = (
                [members]
                if batching == "whole"
                else layout.group(members, lengths, settings.batch_tokens)
            )
            total = 0.0
            for micro in micros:
                tensors = send_to_device(layout.collate([examples[i] for i in micro]), device)
                if batching == "whole":
                    loss = model(**tensors).loss
                else:
                    loss = answer_loss(model.get_base_model(), tensors) / of_step
                loss.backward()
                total += loss.item()
            before = time.perf_counter()
            torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            trained.losses.append(total)
            trained.seconds.append(time.perf_counter())
            trained.cpu_seconds.append(time.process_time())
            optimising += trained.seconds[-1] - before
    return trained, optimising


def by_pass(losses: Sequence[float], examples: Sequence[Any]) -> list[float]:
    """The mean loss of an answer token in each pass, from those of its steps."""
    tokens = [sum(len(one.answer) for one in step) for step in in_steps(examples)]
    starts = range(0, len(losses), len(tokens))
    return [
        sum(loss * count for loss, count in zip(losses[start:], tokens, strict=False)) / sum(tokens)
        for start in starts
    ]


def in_steps(members: Sequence[Any]) -> list[Sequence[Any]]:
    """Members in their order, so many as a step has."""
    return [members[start : start + BATCH] for start in range(0, len(members), BATCH)]


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    add("--records", type=int, default=48, help="records to train on")
    add("--passes", type=int, default=1, help="over the records")
    add("--learning-rate", type=float, default=6e-4)
    add("--budget", type=int, default=800, help="tokens per forward pass of ours")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--threads", type=int, default=2)
    add("--repeats", type=int, default=3, help="runs of each recipe, in turn")
    add("--curves", action="store_true", help=f"losses by step: {' '.join(LENGTH)[2:]}")
    add("--recipe", choices=RECIPES, help="measure one recipe here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
