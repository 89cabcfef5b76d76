"""Learned baselines at the paper's size: CPU seconds and memory of each method and task.

Records are made of pseudo-words as frequent as words are (Zipf), in the shapes and about the
lengths of ECInstruct: 10,000 to train a task (2,022 of PM), 1,000 for validation, 2,000 to answer.
"""

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from string import ascii_uppercase

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from ecslm.families.learned.learning import learn
from ecslm.schemas.record import Record
from ecslm.schemas.task import registered_kind

TASKS = ("AG", "AP", "AVE", "QPR", "SR", "SA", "MPC", "PRP", "PSI", "PM")
TRAIN = {"PM": 2_022}
SYLLABLES = [a + b for a, b in product("bcdfghjklmnprstvwz", "aeiou")]
FIVE = ("very positive", "positive", "neutral", "negative", "very negative")
FOUR = ("relevant to the query", "a substitute", "a complement", "irrelevant")
THREE = ("also buy", "also view", "similar")


class Text:
    """Texts of pseudo-words."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        names = np.random.default_rng(0).integers(len(SYLLABLES), size=(30_000, 3))
        self._vocabulary = ["".join(SYLLABLES[i] for i in row) for row in names]

    def number(self, least: int, most: int) -> int:
        return int(self._random.integers(least, most + 1))

    def words(self, least: int, most: int) -> str:
        ranks = self._random.zipf(1.2, self.number(least, most)) % len(self._vocabulary)
        return " ".join(self._vocabulary[i] for i in ranks)

    def texts(self, count: int, least: int, most: int) -> list[str]:
        return [self.words(least, most) for _ in range(count)]


def made(task: str, count: int, seed: int) -> list[Record]:
    """Records of a task."""
    text = Text(seed)
    records = []
    for number in range(count):
        value, options, output = _parts(task, text)
        records.append(
            Record(
                id=f"{seed}-{number:06}",
                sample_id=f"{seed}-{number}",
                task=task,
                split="train",
                setting="IND",
                instruction="",
                output=output,
                few_shot_example=None,
                input=value if isinstance(value, str) else json.dumps(value),
                relevance=None,
                options=options
                and [f"{a}: {b}" for a, b in zip(ascii_uppercase, options, strict=False)],
            )
        )
    return records


def _parts(task: str, text: Text) -> tuple[object, list[str] | None, str]:
    yes = ("no", "yes")[text.number(0, 1)]
    question = {"question": text.words(6, 16), "document": text.texts(text.number(3, 10), 10, 40)}
    match task:
        case "AG":
            return question, None, question["document"][0]
        case "AP":
            return question, None, yes
        case "AVE":
            title = text.words(8, 20)
            value = {"product title": title, "product description": text.words(20, 120)}
            entry = {
                "attribute": f"name {text.number(0, 40)}",
                "value": title.split()[1],
                "source": "product title",
            }
            value["target attributes"] = entry["attribute"]
            return value, None, json.dumps([entry])
        case "QPR":
            products = text.texts(4, 10, 25)
            listed = [f"{a}: {b}" for a, b in zip("ABCD", products, strict=True)]
            return {"query": text.words(2, 6), "product list": listed}, None, "B,A,D,C"
        case "SR":
            items = text.texts(text.number(5, 50), 8, 20)
            options = text.texts(20, 8, 20)
            return [f"{i}th: {item}" for i, item in enumerate(items, 1)], options, "C"
        case "SA":
            return (
                text.words(20, 160),
                list(FIVE),
                f"A: {FIVE[0]}" if yes == "yes" else f"E: {FIVE[4]}",
            )
        case "MPC":
            value = {"query": text.words(2, 6), "product title": text.words(10, 25)}
            number = text.number(0, 3)
            return value, list(FOUR), f"{'ABCD'[number]}: {FOUR[number]}"
        case "PRP":
            return (
                {f"Product {i}:": text.words(10, 25) for i in (1, 2)},
                list(THREE),
                "ABC"[text.number(0, 2)],
            )
        case "PSI":
            return {"query": text.words(2, 6), "product": text.words(10, 25)}, None, yes
    product_ = {"title": (5, 12), "description": (10, 60), "manufacturer": (1, 2), "price": (1, 1)}
    return (
        {
            f"product {i}": {name: text.words(*size) for name, size in product_.items()}
            for i in (1, 2)
        },
        None,
        yes,
    )


def measured(job: tuple[str, str, int]) -> tuple[str, str, float, float, float]:
    """Task, method, CPU seconds to learn and to answer, and peak memory in GiB."""
    task, method, count = job
    train, val, test = (
        made(task, min(count, TRAIN.get(task, count)), 1),
        made(task, 1_000, 2),
        made(task, 2_000, 3),
    )
    start = time.process_time()
    answers = learn(method, registered_kind(task), train, val)
    learned = time.process_time()
    answers(test)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return task, method, learned - start, time.process_time() - learned, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000, help="to train each task")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--jobs", type=int, default=2, help="at the same time")
    arguments = parser.parse_args()
    jobs = [
        (task, method, arguments.records)
        for task in arguments.tasks
        for method in ("tf-idf", "nearest")
    ]
    start = time.perf_counter()
    print("| task | method | learning, s | answering, s | memory, GiB |\n|---|---|---|---|---|")
    # A process for each, so that memory is its own.
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        for task, method, learning, answering, memory in pool.map(measured, jobs):
            print(
                f"| {task} | {method} | {learning:.1f} | {answering:.1f} | {memory:.2f} |",
                flush=True,
            )
    print(f"All: {time.perf_counter() - start:.0f} s, with the making of records")


if __name__ == "__main__":
    main()
