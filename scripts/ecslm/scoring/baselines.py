"""Trivial baselines: which apply to a task, and their answers, which need no model."""

import json
from typing import Literal

from ecslm.schemas.fields import product_letters
from ecslm.schemas.prediction import ScoredPrediction, of_record
from ecslm.schemas.record import Record
from ecslm.schemas.task import METRICS, Answer, TaskKind

Baseline = Literal["always-yes", "always-no", "majority", "random", "input-order", "all-null"]

# The one that answers at random, so that its score is an expected value.
RANDOM: Baseline = "random"

BASELINES: dict[Answer, tuple[Baseline, ...]] = {
    "yes_no": ("always-yes", "always-no", "majority", "random"),
    "choice": ("majority", "random"),
    "ranking": ("input-order", "random"),
    "extraction": ("all-null",),
    "generation": (),
}


def applicable(task: TaskKind) -> tuple[Baseline, ...]:
    """The baselines of a task. `majority` also needs training records."""
    classes = METRICS[task.metric].classes
    return tuple(one for one in BASELINES[task.answer] if one != "majority" or classes)


def as_prediction(record: Record, text: str = "") -> ScoredPrediction:
    """The prediction `text` for a record."""
    return ScoredPrediction(prediction=text, finish_reason="stop", **of_record(record))


def answers_of(baseline: Baseline, record: Record, task: TaskKind, majority: str) -> list[str]:
    """The equally likely texts that the baseline answers to a record; one unless it is random."""
    match baseline:
        case "random":
            return _guesses(record, task)
        case "input-order":
            return [",".join(product_letters(record.relevance))]
        case "all-null":
            return [_all_null(record)]
        case _:
            return [{"always-yes": "yes", "always-no": "no", "majority": majority}[baseline]]


def _guesses(record: Record, task: TaskKind) -> list[str]:
    """All possible answers; for a ranking, only the rotations of the input order.

    In the rotations, as in all orders, each product is equally often at each rank. The gain of a
    ranking is a sum over products, each by its rank, so its mean over rotations is its mean over
    all orders.
    """
    if task.answer == "yes_no":
        return ["yes", "no"]
    if task.answer == "choice":
        return [option.partition(":")[0].strip() for option in record.options or []]
    products = product_letters(record.relevance)
    return [",".join(products[i:] + products[:i]) for i in range(len(products))]


def _all_null(record: Record) -> str:
    """The target attributes in the format of the data, all without a value."""
    attributes = dict.fromkeys(entry["attribute"] for entry in json.loads(record.output))
    return json.dumps(
        [{"attribute": name, "value": "None", "source": "None"} for name in attributes]
    )
