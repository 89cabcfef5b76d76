"""Training throughput: ours against the plain recipe, on the same records, in the same run.

The plain recipe takes random batches of eight padded to the longest and computes the logits of
every position over the whole vocabulary. Both train the same adapter on the same NF4 base; each
run is a process of its own, so that its peak memory is its own.
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

RECIPES = ("plain", "ours")
BATCH = 8


def main(arguments: argparse.Namespace) -> None:
    """Measure the recipes in turn and print a row for each run, then the ratio."""
    if arguments.recipe:
        print(json.dumps(measure(arguments)))
        return
    rates: dict[str, list[float]] = {recipe: [] for recipe in RECIPES}
    print("| recipe | tokens/s | peak memory, GiB | tokens |\n|---|---|---|---|")
    for _ in range(arguments.repeats):
        for recipe in RECIPES:
            command = [sys.executable, __file__, *sys.argv[1:], "--recipe", recipe]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(run.stdout.splitlines()[-1])
            rates[recipe].append(row["rate"])
            print(f"| {recipe} | {row['rate']:.0f} | {row['peak']:.2f} | {row['tokens']} |")
    ratios = [ours / plain for ours, plain in zip(rates["ours"], rates["plain"], strict=True)]
    print(f"\nours / plain: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Train on the records once with one recipe; tokens are those of the records, unpadded."""
    import torch
    from peft import LoraConfig, get_peft_model

    from ecslm.models.bases import read_base
    from ecslm.models.batching import batches_by_length
    from ecslm.models.cost import CostMeter
    from ecslm.models.loading import load_base_model, load_tokenizer, require_device
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate
    from ecslm.schemas.record import read_records
    from ecslm.training.batches import collate, encode_example
    from ecslm.training.loss import answer_loss
    from ecslm.training.settings import TrainingSettings

    device = require_device(arguments.device)
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
    model = get_peft_model(
        load_base_model(folder, Precision(dtype=arguments.dtype), device),
        LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=arguments.dropout,
            target_modules=sorted(settings.target_modules),
        ),
    ).train()
    optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
    lengths = [len(example) for example in examples]
    meter = CostMeter(device)
    start = time.perf_counter()
    for first in range(0, len(examples), BATCH):
        members = range(first, min(first + BATCH, len(examples)))
        batches: list[Any] = (
            [list(members)]
            if arguments.recipe == "plain"
            else batches_by_length(members, lengths, arguments.budget)
        )
        for batch in batches:
            tensors = collate([examples[i] for i in batch], tokenizer.eos_token_id)
            tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
            if arguments.recipe == "plain":
                loss = model(**tensors).loss
            else:
                answers = sum(len(examples[i].answer) for i in members)
                loss = answer_loss(model.get_base_model(), tensors) / answers
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - start
    peak = float(meter.summary()["peak_memory_bytes"] or 0) / 2**30
    return {"rate": sum(lengths) / seconds, "peak": peak, "tokens": sum(lengths)}


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    add("--records", type=int, default=48, help="records to train on")
    add("--budget", type=int, default=800, help="padded tokens per forward pass of ours")
    add("--dropout", type=float, default=0.0)
    add("--dtype", choices=("float32", "bfloat16"), default="float32")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--repeats", type=int, default=3, help="runs of each recipe, in turn")
    add("--recipe", choices=RECIPES, help="measure one recipe here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
