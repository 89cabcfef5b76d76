"""What a GPU makes of this project: its tests, and rates and memory of the paper's architectures.

Weights are random, in NF4, and records made up, as in `architectures.py`; the recipe is that of the
paper, with dropout. Each row is a process of its own:

plain     updates in float32, as peft computes them
autocast  updates in bfloat16, as ours are on a GPU
compiled  the same with compiled layers
packed    the same with packed records: as the paper's study is configured
fused     the same with a base that is dequantised once

Memory is what is taken of the device at the end, with CUDA's own and what torch keeps, so nothing
else may use it; the estimate is that of ours with as many tokens in a pass. A step of decoding
writes a token of each of 32 answers, by the dequantised base.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import architectures as made_up
import torch
from with_trl import synchronise

from ecslm.common.devices import list_devices
from ecslm.estimates.estimate import DEVICES, Records, read_devices
from ecslm.estimates.formulas import estimate_training
from ecslm.estimates.sizes import sizes_of_row
from ecslm.families.transformers.generation import generate
from ecslm.families.transformers.network import Network
from ecslm.models.loading import load_base_model, require_device
from ecslm.models.precision import Precision
from ecslm.training import mixed
from ecslm.training.batches import Packed, Padded
from ecslm.training.fit import add_adapter
from ecslm.training.settings import TrainingSettings
from ecslm.training.trainer import Processes, Trainer

ROOT = Path(__file__).resolve().parents[1]
MODELS = made_up.OF_THE_PAPER.split()
WAYS: dict[str, dict[str, bool]] = {
    "plain": {},
    "autocast": {},
    "compiled": {"compiled": True},
    "packed": {"compiled": True, "packing": True},
    "fused": {"compiled": True, "packing": True, "fused": True},
}
WEIGHTS, DECODING = "weights", "decoding"
# Steps that are not counted: layers are compiled in the first.
WARM = 2
# Prompts that are answered together, their tokens, and steps that are measured.
ROWS, PROMPT, WRITTEN = 32, 300, 32
# No token, so that no answer ends by itself.
NEVER = -1


def main(arguments: argparse.Namespace) -> None:
    """Run the tests, then print a row for each architecture and way, and those of decoding."""
    if not (arguments.tiny or torch.cuda.is_available()):
        sys.exit("error: this needs a CUDA device, and torch finds none (`--tiny`: see it run)")
    if arguments.way:
        arguments.device = require_device("cpu" if arguments.tiny else "cuda")
        print(json.dumps(WORK.get(arguments.way, train)(arguments)))
        return
    # Asked of the driver: CUDA would take memory of the device for this process, too.
    cards = ", ".join(one.name for one in list_devices()) or "no card"
    print(f"{cards}, torch {torch.__version__}, CUDA {torch.version.cuda}\n", flush=True)
    on = "cpu" if arguments.tiny else "cuda"
    subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/gpu", "--on", on], cwd=ROOT)
    print("| model | way | tokens/s | of peak, % | tokens a pass | GB | estimate, GB |")
    print("|---|---|---|---|---|---|---|")
    steps = []
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            run_alone(model, WEIGHTS, folder)
            for way in WAYS:
                print(f"| {model} | {way} | {run_alone(model, way, folder)} |", flush=True)
            steps.append(f"| {model} | {run_alone(model, DECODING, folder)} |")
    print("\n| model | ms a step of decoding |\n|---|---|", *steps, sep="\n")


def run_alone(model: str, way: str, folder: str) -> str:
    """The cells of a row, made in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--folder", folder, "--way", way]
    run = subprocess.run([*command, "--models", model], stdout=subprocess.PIPE, text=True)
    if run.returncode:
        return "failed, see above"
    return " | ".join("--" if x is None else f"{x:,.4g}" for x in json.loads(run.stdout))


def save_weights(arguments: argparse.Namespace) -> list[float | None]:
    """Write random weights into the folder."""
    sizes = made_up.sizes_of(arguments.models[0], arguments.tiny)
    made_up.random_model(sizes, arguments.device).save_pretrained(arguments.folder)
    return []


def train(arguments: argparse.Namespace) -> list[float | None]:
    """Tokens a second, percent of the peak rate, tokens a pass, and GB taken and estimated."""
    if arguments.way == "plain":
        mixed.is_mixed = lambda _causal: False
    device, size = arguments.device, 8 if arguments.tiny else made_up.GLOBAL_BATCH
    sizes = made_up.sizes_of(arguments.models[0], arguments.tiny)
    settings = TrainingSettings(global_batch=size, **WAYS[arguments.way])
    steps = made_up.made_up_steps(arguments.steps + WARM, size, sizes["vocab_size"], arguments.tiny)
    examples = [example for step in steps for example in step]
    model = load_base_model(arguments.folder, Precision(), device, settings.fused)
    layout = Packed(share=False) if settings.packing else Padded(0)
    trainer = Trainer(
        add_adapter(model, settings), examples, [], layout, arguments.budget, Processes(device)
    )
    trainer.try_heaviest()
    optimizer = torch.optim.AdamW(trainer.trained.values(), lr=1e-4)
    start = 0.0
    for number in range(len(steps)):
        if number == WARM:
            synchronise(device)
            start = time.perf_counter()
        trainer.gradient(range(number * size, (number + 1) * size))
        optimizer.step()
        optimizer.zero_grad()
    synchronise(device)
    seconds = time.perf_counter() - start
    measured = examples[WARM * size :]
    flops = sum(made_up.model_flops(sizes, settings, len(one), len(one.answer)) for one in measured)
    share = memory = None
    if not arguments.tiny:
        free, total = torch.cuda.mem_get_info()
        memory = (total - free) / 1e9
        peak = made_up.peak_tflops(torch.cuda.get_device_name())
        share = peak and 100 * flops / seconds / (peak * 1e12)
    return [
        sum(map(len, measured)) / seconds,
        share,
        trainer.budget,
        memory,
        None if arguments.way == "plain" else estimated(sizes, settings, trainer.budget, examples),
    ]


def estimated(
    sizes: dict[str, int], settings: TrainingSettings, budget: int, examples: list[Any]
) -> float:
    """GB of a training of ours with these records and so many tokens in a pass, on a GPU."""
    prompts, answers = ([len(getattr(one, x)) for one in examples] for x in ("prompt", "answer"))
    count = len(examples)
    work = Records(count, sum(prompts) / count, max(prompts), sum(answers) / count, max(answers))
    of = sizes_of_row(
        {**{name: str(x) for name, x in sizes.items()}, "tie_word_embeddings": "true"}
    )
    chosen = settings.model_copy(update={"batch_tokens": budget})
    card = next(one for one in read_devices(ROOT / DEVICES).values() if one.kind == "cuda")
    return estimate_training(of, Precision(), chosen, [work], 0, card).device_bytes / 1e9


def decode(arguments: argparse.Namespace) -> list[float | None]:
    """Milliseconds of a step."""
    device = arguments.device
    network = Network(load_base_model(arguments.folder, Precision(), device, dequantized=True))
    prompts = torch.randint(1, 200, (ROWS, PROMPT)).tolist()

    def seconds(limit: int) -> float:
        synchronise(device)
        start = time.perf_counter()
        generate(network, prompts, NEVER, limit)
        synchronise(device)
        return time.perf_counter() - start

    seconds(WRITTEN)
    return [1000 * (seconds(WRITTEN + 1) - seconds(1)) / WRITTEN]


# What is not a way of training.
WORK = {WEIGHTS: save_weights, DECODING: decode}


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--models", nargs="+", default=MODELS, help="rows of architectures.csv")
    add("--steps", type=int, default=3, help="optimiser steps of 64 records that are measured")
    add("--budget", type=int, default=8000, help="tokens per forward pass, halved if need be")
    add("--tiny", action="store_true", help="small models of the same form, on a CPU")
    add("--way", choices=(*WAYS, *WORK), help="make one row of the first model here")
    add("--folder", type=Path, help="of that model's weights")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
