"""Training throughput: ours, packed and fused, against ours in NF4 and float32 and a plain recipe.

The plain recipe takes random batches of eight padded to the longest and computes the logits of
every position over the whole vocabulary. All train the same adapter on the same records in the same
run; each measurement is a process of its own, so that its peak memory is its own. Rates are of wall
time and of CPU time, which others on the machine disturb less.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

# By name, what differs: how batches are made, whether layers are fused, and the type.
RECIPES = {
    "plain": ("whole", False, "float32"),
    "nf4": ("padded", False, "float32"),
    "fused": ("padded", True, "bfloat16"),
    "packed": ("packed", True, "bfloat16"),
}
BATCH = 8


def main(arguments: argparse.Namespace) -> None:
    """Measure the recipes in turn and print a row for each run, then the ratios."""
    if arguments.recipe:
        print(json.dumps(measure(arguments)))
        return
    rates: dict[str, list[float]] = {recipe: [] for recipe in RECIPES}
    print("| recipe | tokens/s | of CPU time | optimiser, % | peak memory, GiB | loss by pass |")
    print("|---|---|---|---|---|---|")
    for _ in range(arguments.repeats):
        for recipe in RECIPES:
            command = [sys.executable, __file__, *sys.argv[1:], "--recipe", recipe]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(run.stdout.splitlines()[-1])
            rates[recipe].append(row["rate"])
            losses = ", ".join(f"{loss:.3f}" for loss in row["losses"])
            print(
                f"| {recipe} | {row['rate']:.0f} | {row['cpu_rate']:.0f} | "
                f"{100 * row['optimiser']:.1f} | {row['peak']:.2f} | {losses} |",
                flush=True,
            )
    for baseline in ("plain", "nf4"):
        for recipe in ("fused", "packed"):
            pairs = zip(rates[recipe], rates[baseline], strict=True)
            ratios = ", ".join(f"{ours / other:.2f}" for ours, other in pairs)
            print(f"{recipe} / {baseline}: {ratios}")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on the records with one recipe; tokens are those of the records, unpadded."""
    import torch
    from peft import LoraConfig, get_peft_model

    from ecslm.models.bases import read_base
    from ecslm.models.cost import CostMeter
    from ecslm.models.loading import load_base_model, load_tokenizer, require_device, use_threads
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate
    from ecslm.schemas.record import read_records
    from ecslm.training.batches import Layout, Padded, encode_example, on_device
    from ecslm.training.fused_llama import fuse
    from ecslm.training.loss import answer_loss
    from ecslm.training.packing import Packed, use_packed_attention
    from ecslm.training.settings import TrainingSettings

    batching, fused, dtype = RECIPES[arguments.recipe]
    device = require_device(arguments.device)
    use_threads(device, arguments.threads)
    _, folder = read_base(arguments.base)
    tokenizer = load_tokenizer(folder)
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    records = read_records(*sorted(arguments.dataset.glob("*/train.jsonl")))
    random.Random(0).shuffle(records)
    examples = [
        encode_example(record, template, 0, tokenizer, 2048)
        for record in records[: arguments.records]
    ]
    settings = TrainingSettings()
    torch.manual_seed(0)
    base = load_base_model(folder, Precision(dtype=dtype), device, dequantized=fused)
    if batching == "packed":
        use_packed_attention(base)
    model = get_peft_model(
        base,
        LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules=sorted(settings.target_modules),
        ),
    ).train()
    if fused:
        fuse(model)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=arguments.learning_rate, weight_decay=0.0)
    lengths = [len(example) for example in examples]
    answers = [len(example.answer) for example in examples]
    packed = batching == "packed"
    layout: Layout = Packed(share=True) if packed else Padded(tokenizer.eos_token_id)
    meter = CostMeter(device)
    start, cpu_start, optimising = time.perf_counter(), time.process_time(), 0.0
    losses = []
    for _ in range(arguments.passes):
        total = 0.0
        for first in range(0, len(examples), BATCH):
            members = range(first, min(first + BATCH, len(examples)))
            of_step = sum(answers[i] for i in members)
            batches = (
                [list(members)]
                if batching == "whole"
                else layout.group(members, lengths, arguments.budget)
            )
            for batch in batches:
                tensors = on_device(layout.collate([examples[i] for i in batch]), device)
                if batching == "whole":
                    loss = model(**tensors).loss
                else:
                    loss = answer_loss(model.get_base_model(), tensors) / of_step
                loss.backward()
                total += loss.item() * of_step
            before = time.perf_counter()
            torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            optimising += time.perf_counter() - before
        losses.append(total / sum(answers))
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    tokens = arguments.passes * sum(lengths)
    return {
        "rate": tokens / seconds,
        "cpu_rate": tokens / cpu_seconds,
        "optimiser": optimising / seconds,
        "peak": float(meter.summary()["peak_memory_bytes"] or 0) / 2**30,
        "losses": losses,
    }


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
    add("--recipe", choices=RECIPES, help="measure one recipe here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
