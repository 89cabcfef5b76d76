"""Training throughput and model FLOP utilisation of the architectures of a study, on a GPU.

Weights are random, which costs the same as trained ones; records have random tokens and lengths
like those of the data. Recipes, each in a process of its own:

plain   batches of eight in random order, padded to the longest, logits of every position
trl     TRL's SFTTrainer, which refuses an adapter on the head: without it (if TRL is installed)
padded  ours: grouped by length, the head at answer positions only
packed  ours without padding: attention keeps the records apart
"""

import argparse
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from with_trl import has_trl, synchronise, train_with_trl, without_head

from ecslm.estimates.sizes import sizes_of_row
from ecslm.models.architecture import SIZES, read_architectures
from ecslm.training.settings import TrainingSettings

ARCHITECTURES = Path(__file__).resolve().parents[1] / "resources/architectures.csv"
OF_THE_PAPER = "SmolLM-360M SmolLM-1.7B SmolLM2-360M SmolLM2-1.7B Llama-3.2-1B Llama-3.2-3B"
RECIPES = ("plain", "trl", "padded", "packed")
BATCH, GLOBAL_BATCH = 8, 64
# Tokens of a record: logarithm of the median and spread of the prompts, most tokens of answers.
PROMPT, SPREAD, ANSWER, LONGEST = math.log(300), 0.6, 60, 2000

# Peak rate of matrix products in bfloat16 without sparsity, in 1e12 FLOP/s, from the vendor's data
# sheets, by a part of the device's name; the first that matches counts.
PEAK = {
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "H200": 989,
    "B200": 2250,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
    "A10": 125,
    "RTX 4090": 165,
}


def main(arguments: argparse.Namespace) -> None:
    """Measure each model with each recipe and print a row for each."""
    if not (arguments.tiny or _has_gpu()):
        sys.exit(
            "error: this measures a GPU, and this machine has none: run it on one that does, or "
            "see with `--tiny` whether it runs at all"
        )
    if arguments.recipe:
        print(json.dumps(measure(arguments, arguments.models[0])))
        return
    print("| model | recipe | tokens/s | peak memory, GiB | MFU, % |\n|---|---|---|---|---|")
    recipes = [recipe for recipe in RECIPES if recipe != "trl" or has_trl()]
    for model in arguments.models:
        for recipe in recipes:
            command = [sys.executable, __file__, *_options(arguments)]
            command += ["--models", model, "--recipe", recipe]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if run.returncode:
                print(f"| {model} | {recipe} | failed, see above | | |", flush=True)
                continue
            row = json.loads(run.stdout.splitlines()[-1])
            used = "--" if row["mfu"] is None else f"{100 * row['mfu']:.1f}"
            figures = f"{row['rate']:.0f} | {row['peak']:.2f} | {used}"
            print(f"| {model} | {recipe} | {figures} |", flush=True)


def measure(arguments: argparse.Namespace, name: str) -> dict[str, float | None]:
    """Train on the records once with one recipe, after a first step that is not counted; tokens
    are those of the records, unpadded."""
    import torch

    from ecslm.models.cost import CostMeter, device_name
    from ecslm.training.fit import add_adapter

    device = torch.device("cpu" if arguments.tiny else "cuda")
    sizes = sizes_of(name, arguments.tiny)
    size = BATCH if arguments.tiny else GLOBAL_BATCH
    settings = TrainingSettings(global_batch=size, epochs=1, packing=arguments.recipe == "packed")
    if arguments.recipe == "trl":
        settings = without_head(settings)
    torch.manual_seed(0)
    model = random_model(sizes, device)
    steps = made_up_steps(arguments.steps + 1, size, sizes["vocab_size"], arguments.tiny)
    if arguments.recipe == "trl":
        examples = [example for step in steps for example in step]
        times = train_with_trl(model, made_up_tokenizer(), examples, settings, BATCH).seconds
        seconds = times[-1] - times[1]
    else:
        adapted = add_adapter(model, settings).train()
        seconds = train_with_loop(adapted, steps, arguments.recipe, arguments.budget, device)
    lengths = [(len(one), len(one.answer)) for step in steps[1:] for one in step]
    peak = arguments.peak_tflops or peak_tflops(device_name(device))
    flops = sum(model_flops(sizes, settings, *length) for length in lengths)
    memory = float(CostMeter(device).summary()["peak_memory_bytes"] or 0)
    return {
        "rate": sum(length for length, _ in lengths) / seconds,
        "peak": memory / 2**30,
        "mfu": None if peak is None else flops / seconds / (peak * 1e12),
    }


def model_flops(
    sizes: Mapping[str, int], settings: TrainingSettings, tokens: int, answer: int
) -> float:
    """Floating-point operations that training on one record needs, whatever a recipe does more."""
    row = {name: str(size) for name, size in sizes.items()}
    known = sizes_of_row({**row, "tie_word_embeddings": "true"})
    updates = known.updates(settings.rank, settings.target_modules)
    return known.training(updates, tokens, tokens, answer)


def peak_tflops(device: str) -> float | None:
    """The device's peak rate in 1e12 FLOP/s; None if it is not in the table."""
    return next((peak for part, peak in PEAK.items() if part in device), None)


def sizes_of(name: str, tiny: bool) -> dict[str, int]:
    """The sizes of a row of architectures.csv; `tiny`: of a small model of the same form."""
    row = read_architectures(ARCHITECTURES)[name]
    sizes = {size: int(row[size]) for size in SIZES}
    if tiny:
        queries, keys = sizes["num_attention_heads"], sizes["num_key_value_heads"]
        sizes |= {"num_key_value_heads": 1, "num_attention_heads": queries // keys}
        width = 64 * sizes["num_attention_heads"]
        sizes |= {"head_dim": 16, "hidden_size": width, "intermediate_size": 96}
        sizes |= {"num_hidden_layers": 2, "vocab_size": 256}
    return sizes


def random_model(sizes: Mapping[str, int], device: Any) -> Any:
    """A frozen Llama with random weights and a tied head, in bfloat16 on a GPU."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**sizes, max_position_embeddings=8192, tie_word_embeddings=True)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if device.type == "cpu" else torch.bfloat16)
    try:
        with device:
            return LlamaForCausalLM(config).requires_grad_(False)
    finally:
        torch.set_default_dtype(before)


def made_up_tokenizer() -> Any:
    """A tokenizer, which TRL wants even where records are tokens already."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"<end>": 0}, unk_token="<end>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")


def made_up_steps(count: int, size: int, vocabulary: int, tiny: bool) -> list[list[Any]]:
    """Global batches of so many records with random tokens."""
    from ecslm.training.batches import Example

    source = random.Random(0)

    def example() -> Example:
        longest = 60 if tiny else LONGEST
        prompt = min(int(source.lognormvariate(PROMPT, SPREAD)), longest)
        lengths = prompt, source.randint(1, ANSWER)
        tokens = [[source.randrange(vocabulary) for _ in range(length)] for length in lengths]
        return Example("made up", *tokens, truncated=False)

    return [[example() for _ in range(size)] for _ in range(count)]


def train_with_loop(
    model: Any, steps: Sequence[Sequence[Any]], recipe: str, budget: int, device: Any
) -> float:
    """Seconds of the steps after the first."""
    import torch
    from accelerate.utils import send_to_device

    from ecslm.training.batches import Layout, Packed, Padded
    from ecslm.training.trainer import answer_loss

    layout: Layout = Packed(share=True) if recipe == "packed" else Padded(0)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4)
    start = 0.0
    for number, examples in enumerate(steps):
        if number == 1:
            synchronise(device)
            start = time.perf_counter()
        members, lengths = range(len(examples)), [len(example) for example in examples]
        answers = sum(len(example.answer) for example in examples)
        if recipe == "plain":
            micros = [list(members[i : i + BATCH]) for i in range(0, len(examples), BATCH)]
        else:
            micros = layout.group(members, lengths, budget)
        for micro in micros:
            batch = send_to_device(layout.collate([examples[i] for i in micro]), device)
            if recipe == "plain":
                loss = model(**batch).loss * len(micro) / len(examples)
            else:
                loss = answer_loss(model.get_base_model(), batch) / answers
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    synchronise(device)
    return time.perf_counter() - start


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _options(arguments: argparse.Namespace) -> list[str]:
    options = ["--steps", arguments.steps, "--budget", arguments.budget]
    if arguments.peak_tflops:
        options += ["--peak-tflops", arguments.peak_tflops]
    return [*map(str, options), *(["--tiny"] if arguments.tiny else [])]


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--models", nargs="+", default=OF_THE_PAPER.split(), help="rows of architectures.csv")
    add("--steps", type=int, default=5, help="optimiser steps of 64 records that are measured")
    add("--budget", type=int, default=16000, help="tokens per forward pass of ours")
    add("--peak-tflops", type=float, help="of the device in bfloat16, in 1e12 FLOP/s")
    add("--tiny", action="store_true", help="small models of the same form, on a CPU")
    add("--recipe", choices=RECIPES, help="measure one recipe of the first model here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
