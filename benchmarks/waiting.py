"""Threads that wait for one another: a run's own limit against the default of OpenMP.

A step of training and a generation by a model of SmolLM2-135M's shape with random weights, each
measurement in a process of its own, on the machine as it is and beside processes that keep its
cores busy. The limit is the one that a run sets, see rules/common.smk.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of the environment, by name.
WAITING = {
    "default": {},
    "ours": {"GOMP_SPINCOUNT": "10000"},
    "asleep": {"OMP_WAIT_POLICY": "passive"},
}
SHAPE = {
    "vocab_size": 49_152,
    "hidden_size": 576,
    "intermediate_size": 1_536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
}
PROMPTS, TOKENS, NEW_TOKENS = 4, 256, 16
COLUMNS = (
    *("busy processes", "waiting", "step, s", "generation, s"),
    *("step / ours", "generation / ours"),
)


def main(arguments: argparse.Namespace) -> None:
    """Measure each kind of waiting in turn and print a row for each, with its ratio to ours."""
    if arguments.measure:
        print(json.dumps(measure(arguments.threads, arguments.repeats)))
        return
    print(
        "| busy processes | waiting | step, s | generation, s | step / ours | generation / ours |"
    )
    print("|---|---|---|---|---|---|")
    for busy in (0, arguments.busy):
        with busy_processes(busy):
            found = {name: run_alone(name, arguments) for name in WAITING}
        for name, (step, generation) in found.items():
            ratios = [f"{a / b:.2f}" for a, b in zip(found[name], found["ours"], strict=True)]
            print(f"| {busy} | {name} | {step:.2f} | {generation:.2f} | {' | '.join(ratios)} |")


def run_alone(waiting: str, arguments: argparse.Namespace) -> list[float]:
    """The median seconds of a step and of a generation, in a process of their own."""
    others = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    options = ["--threads", str(arguments.threads), "--repeats", str(arguments.repeats)]
    run = subprocess.run(
        [sys.executable, __file__, "--measure", *options],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=others | WAITING[waiting],
    )
    seconds: list[float] = json.loads(run.stdout)
    return seconds


def measure(threads: int, repeats: int) -> list[float]:
    """The median seconds of a step of training and of a generation, after one of each."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    model: Any = LlamaForCausalLM(LlamaConfig(**SHAPE)).to(torch.bfloat16)
    prompts = torch.randint(0, 1_000, (PROMPTS, TOKENS))

    def step() -> None:
        model(input_ids=prompts, labels=prompts).loss.backward()
        model.zero_grad()

    def generation() -> None:
        begin = prompts[:, : TOKENS // 4]
        length = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS}
        with torch.no_grad():
            model.generate(begin, do_sample=False, pad_token_id=0, **length)

    medians = []
    for work in (step, generation):
        seconds = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        medians.append(statistics.median(seconds[1:]))
    return medians


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Processes that compute for as long as the block lasts."""
    command = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(number)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="threads of a measurement")
    parser.add_argument("--busy", type=int, default=2, help="processes that keep cores busy")
    parser.add_argument("--repeats", type=int, default=3, help="measured steps and generations")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
