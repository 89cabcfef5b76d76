"""Prediction throughput: ours against the study's own inference loop, on the same prompts.

The study's loop takes batches of two in file order, padded to the longest, on the quantised model
with its adapter beside it. Ours sorts by length under a token budget and merges the adapter into
the dequantised base. Each run is a process of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

LOOPS = ("study", "ours")


def main(arguments: argparse.Namespace) -> None:
    """Measure the loops in turn and print a row for each run, then the ratio."""
    if arguments.loop:
        print(json.dumps(measure(arguments)))
        return
    seconds: dict[str, list[float]] = {loop: [] for loop in LOOPS}
    print("| loop | prompts/s | new tokens/s | peak memory, GiB |\n|---|---|---|---|")
    for _ in range(arguments.repeats):
        for loop in LOOPS:
            command = [sys.executable, __file__, *sys.argv[1:], "--loop", loop]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(run.stdout.splitlines()[-1])
            seconds[loop].append(row["seconds"])
            print(
                f"| {loop} | {row['prompts'] / row['seconds']:.2f} "
                f"| {row['tokens'] / row['seconds']:.1f} | {row['peak']:.2f} |"
            )
    ratios = [study / ours for ours, study in zip(seconds["ours"], seconds["study"], strict=True)]
    print(f"\nprompts/s, ours / study: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Generate answers to the prompts once with one loop."""
    from ecslm.models.adapters import read_adapter
    from ecslm.models.bases import read_base
    from ecslm.models.batching import batches_by_length
    from ecslm.models.cost import CostMeter
    from ecslm.models.loading import load_tokenizer, require_device
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate, encode_prompt
    from ecslm.prediction.settings import DecodingSettings
    from ecslm.prediction.transformers_engine import Engine, load_model
    from ecslm.schemas.record import read_records

    device = require_device(arguments.device)
    _, folder = read_base(arguments.base)
    tokenizer = load_tokenizer(folder)
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    records = read_records(*sorted(arguments.dataset.glob("*/test.jsonl")))
    records = records[:: max(1, len(records) // arguments.prompts)][: arguments.prompts]
    prompts = [encode_prompt(r, template, 0, tokenizer, 2048).tokens for r in records]
    decoding = DecodingSettings(max_new_tokens=arguments.new_tokens, fused=arguments.loop == "ours")
    precision = Precision.model_validate(read_adapter(arguments.adapter).settings["precision"])
    model = load_model(folder, arguments.adapter.parent, precision, decoding.fused, device)
    engine = Engine(model, tokenizer, decoding, seed=0)
    lengths = [len(prompt) + arguments.new_tokens for prompt in prompts]
    batches = (
        [list(range(i, min(i + 2, len(prompts)))) for i in range(0, len(prompts), 2)]
        if arguments.loop == "study"
        else batches_by_length(range(len(prompts)), lengths, arguments.budget)
    )
    meter = CostMeter(device)
    start = time.perf_counter()
    tokens = 0
    for number, batch in enumerate(batches):
        tokens += sum(a.tokens for a in engine.generate([prompts[i] for i in batch], number))
    seconds = time.perf_counter() - start
    peak = float(meter.summary()["peak_memory_bytes"] or 0) / 2**30
    return {"seconds": seconds, "prompts": len(prompts), "tokens": tokens, "peak": peak}


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    adapter = Path("results/demo/adapters/SmolLM2-135M-EC/seed-0/manifest.json")
    add("--adapter", type=Path, default=adapter, help="manifest.json of the adapter")
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    add("--prompts", type=int, default=24, help="prompts, evenly from all tasks")
    add("--new-tokens", type=int, default=40, help="longest answer")
    add("--budget", type=int, default=6000, help="padded tokens per batch of ours")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--repeats", type=int, default=3, help="runs of each loop, in turn")
    add("--loop", choices=LOOPS, help="measure one loop here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
