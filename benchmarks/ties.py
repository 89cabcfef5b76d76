"""Near ties: tokens chosen by rounded and by refined logits, against those of a float32 head.

An untuned base reads test prompts of the tasks, in batches as a job does, and answers them. Counted
are prompts after which several tokens have the largest logit of bfloat16, and those of which the
first token, or the answer, is not that of a head in float32 with the same hidden states.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import torch

from ecslm.families.transformers.generation import generate, load_model
from ecslm.families.transformers.network import Network
from ecslm.models.bases import read_base
from ecslm.models.loading import load_tokenizer, use_threads
from ecslm.models.precision import Precision
from ecslm.models.prompts import PromptTemplate, batches_by_length, encode_prompt
from ecslm.schemas.record import read_records

CPU = torch.device("cpu")


class Rounded(Network):
    """Tokens are chosen by the logits as the head gives them."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.ties: list[int] = []

    def refined(self, logits: torch.Tensor, _hidden: torch.Tensor) -> torch.Tensor:
        """The same; counts the rows of each step in which several are the largest."""
        self.ties.append(int(((logits == logits.amax(-1, keepdim=True)).sum(-1) > 1).sum()))
        return logits


class Full(Network):
    """The whole head is in float32."""

    def refined(self, _logits: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Products with a copy of the head in float32, made once."""
        if not hasattr(self, "copy"):
            self.copy = self._plain.weight.float()
        return hidden.float() @ self.copy.T


def main(arguments: argparse.Namespace) -> None:
    """Print a row for each task, then times and sizes."""
    use_threads(CPU, arguments.threads)
    folder = read_base(arguments.base)[1]
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, None, Precision(dtype="bfloat16"), True, CPU)
    networks = Rounded(model), Network(model), Full(model)
    columns = "task", "prompts", "ties", "first, rounded", "refined", "answer, rounded", "refined"
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    sums = [0] * (len(columns) - 1)
    for task in arguments.tasks:
        row = counted(networks, tokenizer, prompts(arguments, tokenizer, task), arguments)
        sums = [one + other for one, other in zip(sums, row, strict=True)]
        print(f"| {task} | {' | '.join(map(str, row))} |", flush=True)
    print(f"| all | {' | '.join(map(str, sums))} |\n")
    times(networks)


def prompts(arguments: argparse.Namespace, tokenizer: Any, task: str) -> list[list[int]]:
    """The prompts of a task's first test records, as tokens."""
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    records = read_records(arguments.dataset / task / "test.jsonl")[: arguments.prompts]
    return [encode_prompt(one, template, 0, tokenizer, 2048).tokens for one in records]


@torch.inference_mode()
def counted(
    networks: tuple[Rounded, Network, Full],
    tokenizer: Any,
    given: list[list[int]],
    arguments: argparse.Namespace,
) -> list[int]:
    """The numbers of a row."""
    limit, batches = arguments.new_tokens, []
    lengths = [len(prompt) + limit for prompt in given]
    for batch in batches_by_length(range(len(given)), lengths, arguments.budget):
        batches.append([given[index] for index in batch])
    answers: list[list[list[int]]] = [[], [], []]
    ties = 0
    for kind, network in enumerate(networks):
        for batch in batches:
            steps = len(networks[0].ties)
            answers[kind] += generate(network, batch, tokenizer.eos_token_id, limit)
            if kind == 0:
                ties += networks[0].ties[steps]
    unlike = [
        sum(a[:length] != b[:length] for a, b in zip(answers[kind], answers[2], strict=True))
        for length in (1, limit)
        for kind in (0, 1)
    ]
    return [len(given), ties, *unlike]


@torch.inference_mode()
def times(networks: tuple[Rounded, Network, Full]) -> None:
    """Print milliseconds and bytes of the ways to choose a token for 64 rows."""
    rounded, ours, full = networks
    weight = rounded._plain.weight
    hidden = torch.randn(64, weight.shape[1]).bfloat16()
    logits = rounded.logits(hidden)
    print("| for 64 rows | ms | MiB |\n|---|---|---|")
    # Sixteen rows of the head in float32 for each, or all of it.
    some = 64 * 16 * weight.shape[1] * 4
    for name, product, size in (
        ("head in bfloat16", lambda: rounded.logits(hidden), logits.nbytes),
        ("the best of them in float32, beside it", lambda: ours.refined(logits, hidden), some),
        ("whole head in float32", lambda: full.refined(logits, hidden), full.copy.nbytes),
    ):
        print(f"| {name} | {1000 * seconds(product):.1f} | {size / 2**20:.1f} |")


def seconds(step: Callable[[], Any]) -> float:
    """Of a step, the best of 30."""
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    tasks = ["AVE", "PRP", "PM", "SA", "SR", "MPC", "PSI", "QPR", "AP", "AG"]
    add("--tasks", nargs="+", default=tasks, help="whose test records are answered")
    add("--prompts", type=int, default=40, help="of each task, at most so many")
    add("--new-tokens", type=int, default=12, help="longest answer")
    add("--budget", type=int, default=6000, help="padded tokens per batch")
    add("--threads", type=int, default=2)
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
