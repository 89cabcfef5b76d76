"""Prediction throughput: ours against the study's own inference loop and lm-evaluation-harness.

All answer the same prompts of a task, as a job does, in the same precision but for the loop of that
name; each run is a process of its own. The study's loop is the text-generation pipeline: batches of
two in file order, on the quantised model with its adapter beside it and weights that can be
trained. The harness (`generate_until`, batches of 16) gets the merged weights, since it cannot load
an adapter of a tied head; it needs a folder in which it was installed by
`pip install --no-deps --target FOLDER lm_eval==0.4.13`. `half` is ours with half the budget:
answers that differ follow the batches. `float32` is ours in that type, with the same adapter merged
into the same base: answers that differ follow the precision. Scores are strict.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

COLUMNS = (
    "task",
    "model",
    "loop",
    "prompts/s",
    "prompts/CPU s",
    "tokens/answer",
    "GFLOP/s",
    "share of a product's",
    "load, s",
    "load, share",
    "peak, GiB",
    "answers unlike ours",
    "score",
)


def main(arguments: argparse.Namespace) -> None:
    """Measure the loops in turn and print a row for each run, then the ratios."""
    if arguments.loop:
        print(json.dumps(measure(arguments)))
        return
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    ratios = []
    for task, model in product(arguments.tasks, arguments.models):
        rates: dict[str, list[tuple[float, float]]] = {}
        for _ in range(arguments.repeats):
            rows = {loop: run_alone(loop, task, model) for loop in arguments.loops}
            for loop, row in rows.items():
                rates.setdefault(loop, []).append((row["seconds"], row["cpu"]))
                print_row(task, model, loop, row, rows.get("ours", row)["texts"])
        for loop in [loop for loop in rates if loop not in ("ours", "half")]:
            pairs = zip(rates[loop], rates["ours"], strict=True)
            each = [f"{other[0] / ours[0]:.2f} ({other[1] / ours[1]:.2f})" for other, ours in pairs]
            ratios.append(f"{task}, {model}, ours / {loop}: {', '.join(each)}")
    print("\nRatios by time (by CPU time)", *ratios, sep="\n")


def run_alone(loop: str, task: str, model: str) -> dict[str, Any]:
    """Measure a loop in a process of its own."""
    one = ["--loop", loop, "--tasks", task, "--models", model]
    command = [sys.executable, __file__, *sys.argv[1:], *one]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    row: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return row


def print_row(task: str, model: str, loop: str, row: dict[str, Any], ours: Sequence[str]) -> None:
    """Print the row of a run."""
    score = "--" if row["score"] is None else f"{row['score']:.3f}"
    unlike = sum(text != other for text, other in zip(row["texts"], ours, strict=True))
    share = row["load"] / (row["load"] + row["seconds"])
    print(
        f"| {task} | {model} | {loop} | {row['prompts'] / row['seconds']:.2f} "
        f"| {row['prompts'] / row['cpu']:.2f} "
        f"| {row['tokens'] / row['prompts']:.1f} | {row['flops'] / row['seconds'] / 1e9:.0f} "
        f"| {row['flops'] / row['seconds'] / row['rate']:.2f} | {row['load']:.1f} | {share:.2f} "
        f"| {row['peak']:.2f} | {unlike} ({100 * unlike / row['prompts']:.0f} %) | {score} |",
        flush=True,
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Answer the prompts once with one loop.

    `flops` are those of the products with weights, without attention: of all tokens of prompts and
    answers once, and of the head for those of answers. `rate` is the machine's in such a product.
    """
    from ecslm.families.transformers.generation import load_model
    from ecslm.models.bases import read_base
    from ecslm.models.cost import CostMeter
    from ecslm.models.loading import load_tokenizer, require_device, use_threads
    from ecslm.models.precision import Precision
    from ecslm.models.prompts import PromptTemplate, encode_prompt
    from ecslm.schemas.record import read_records

    device = require_device(arguments.device)
    use_threads(device, arguments.threads)
    folder = read_base(arguments.base)[1]
    tokenizer = load_tokenizer(folder)
    template = PromptTemplate(Path("resources/prompts/chatml.jinja"))
    (task,) = arguments.tasks
    records = read_records(arguments.dataset / task / "test.jsonl")[: arguments.prompts]
    prompts = [encode_prompt(record, template, 0, tokenizer, 2048) for record in records]
    adapter = arguments.adapter.parent if arguments.models == ["tuned"] else None
    precision = Precision(dtype="float32" if arguments.loop == "float32" else arguments.dtype)
    meter = CostMeter(device)
    start = time.perf_counter()
    model = load_model(folder, adapter, precision, arguments.loop != "study", device)
    loaded = time.perf_counter()
    used = time.process_time()
    texts = ANSWER[arguments.loop](arguments, model, tokenizer, prompts)
    seconds, used = time.perf_counter() - loaded, time.process_time() - used
    peak = float(meter.summary()["peak_memory_bytes"] or 0) / 2**30
    # The end token, which is not in the text, is there unless the answer is as long as allowed.
    counts = [min(len(tokenizer(text)["input_ids"]) + 1, arguments.new_tokens) for text in texts]
    tokens = sum(counts) + sum(len(prompt.tokens) for prompt in prompts)
    head = model.get_output_embeddings().weight.numel()
    body = layer_weights(model)
    return {
        "prompts": len(prompts),
        "texts": texts,
        "tokens": sum(counts),
        "load": loaded - start,
        "seconds": seconds,
        "cpu": used,
        "flops": 2 * (tokens * body + sum(counts) * head),
        "rate": product_rate(model),
        "peak": peak,
        "score": strict_score(task, records, texts),
    }


def strict_score(task: str, records: Sequence[Any], texts: Sequence[str]) -> float | None:
    """The strict score of all answers together; None for a task that BERTScore is needed for."""
    from ecslm.schemas.prediction import ScoredPrediction
    from ecslm.schemas.task import BERTSCORE_METRICS, registered_kind
    from ecslm.scoring.score import score
    from ecslm.scoring.settings import ScoringSettings

    kind = registered_kind(task)
    if kind.metric in BERTSCORE_METRICS:
        return None
    answers = [
        ScoredPrediction(
            id=record.id,
            sample_id=record.sample_id,
            setting="all",
            prediction=text,
            reference=record.output,
            options=record.options,
            relevance=record.relevance,
        )
        for record, text in zip(records, texts, strict=True)
    ]
    scores = score(answers, kind, ScoringSettings(resamples=1))
    return scores.metrics.settings["all"].strict.value


def study(arguments: argparse.Namespace, model: Any, tokenizer: Any, prompts: Any) -> list[str]:
    """The answers of the text-generation pipeline."""
    from transformers import pipeline

    trainable(model)
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.eos_token
    pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)
    results = pipe(
        [prompt.text for prompt in prompts],
        batch_size=2,
        max_new_tokens=arguments.new_tokens,
        do_sample=False,
        return_full_text=False,
    )
    return [result[0]["generated_text"] for result in results]


def ours(
    arguments: argparse.Namespace, model: Any, tokenizer: Any, prompts: Any, share: int = 1
) -> list[str]:
    """Our answers, in batches of the budget divided by `share`."""
    from ecslm.families.settings import DecodingSettings, TransformersSettings
    from ecslm.families.transformers.generation import Engine, FreeAnswers
    from ecslm.models.prompts import batches_by_length

    decoding = DecodingSettings(max_new_tokens=arguments.new_tokens)
    mode = FreeAnswers(TransformersSettings(decoding=decoding), tokenizer)
    engine = Engine(model, mode, seed=0)
    lengths = [len(prompt.tokens) + arguments.new_tokens for prompt in prompts]
    texts = [""] * len(prompts)
    batches = batches_by_length(range(len(prompts)), lengths, arguments.budget // share)
    for number, batch in enumerate(batches):
        answers = engine.generate([prompts[index].tokens for index in batch], number)
        for index, answer in zip(batch, answers, strict=True):
            texts[index] = answer.text
    return texts


def half(arguments: argparse.Namespace, model: Any, tokenizer: Any, prompts: Any) -> list[str]:
    """Our answers in batches of half the budget."""
    return ours(arguments, model, tokenizer, prompts, share=2)


def harness(arguments: argparse.Namespace, model: Any, tokenizer: Any, prompts: Any) -> list[str]:
    """The answers of lm-evaluation-harness, which stops at the end token."""
    sys.path.append(str(arguments.harness))
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    trainable(model)
    options = {"until": [tokenizer.eos_token], "max_gen_toks": arguments.new_tokens}
    requests = [
        Instance("generate_until", {}, (prompt.text, {**options, "do_sample": False}), number)
        for number, prompt in enumerate(prompts)
    ]
    language_model = HFLM(
        model, tokenizer=tokenizer, batch_size=16, device=str(model.device), max_length=2048
    )
    texts: list[str] = language_model.generate_until(requests, disable_tqdm=True)
    return texts


ANSWER = {"study": study, "ours": ours, "half": half, "float32": ours, "harness": harness}


def trainable(model: Any) -> None:
    """Weights as from_pretrained loads them: for frozen ones torch copies the head per prompt."""
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.is_floating_point())


def layer_weights(model: Any) -> int:
    """Weights of the layers' products, packed four-bit ones included."""
    config = model.config
    size, inner = config.hidden_size, config.intermediate_size
    key_value = config.num_key_value_heads * config.head_dim
    attention = 2 * size * (config.num_attention_heads * config.head_dim + key_value)
    return int(config.num_hidden_layers * (attention + 3 * size * inner))


def product_rate(model: Any) -> float:
    """FLOP/s of products of 1,024 tokens with a matrix of the layers' shape, best of 20."""
    import torch

    config = model.config
    like = model.get_output_embeddings().weight
    left = torch.randn(1024, config.hidden_size, dtype=like.dtype, device=like.device)
    right = torch.randn(
        config.intermediate_size, config.hidden_size, dtype=like.dtype, device=like.device
    )
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        torch.nn.functional.linear(left, right)
        if like.is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * left.numel() * config.intermediate_size / best


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--base", type=Path, default=Path("results/bases/SmolLM2-135M/manifest.json"))
    adapter = Path("results/demo/adapters/SmolLM2-135M-EC/seed-0/manifest.json")
    add("--adapter", type=Path, default=adapter, help="manifest.json of the adapter")
    add("--dataset", type=Path, default=Path("results/demo/dataset"), help="dataset folder")
    add("--tasks", nargs="+", default=["PRP"], help="whose test records are answered")
    add("--prompts", type=int, default=100, help="of each task, at most so many")
    add("--models", nargs="+", choices=("tuned", "untuned"), default=["tuned", "untuned"])
    add("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    add("--new-tokens", type=int, default=40, help="longest answer")
    add("--budget", type=int, default=6000, help="padded tokens per batch of ours")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--threads", type=int, default=2, help="on a CPU")
    add("--repeats", type=int, default=3, help="runs of each loop, in turn")
    add("--loops", nargs="+", choices=tuple(ANSWER), default=["study", "ours", "half"])
    add("--harness", type=Path, help="folder with lm_eval, for the loop of that name")
    add("--loop", choices=tuple(ANSWER), help="measure one loop here, once")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
