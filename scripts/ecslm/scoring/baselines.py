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
    """The equally likely texts that the baseline answers to a record; one unless it is random.

    At random, all possible answers are; for a ranking, only the rotations of the input order. In
    these, as in all orders, each product is equally often at each rank. The gain of a ranking is a
    sum over products, each by its rank, so its mean over rotations is its mean over all orders.
    """
    products = product_letters(record.relevance)
    match baseline, task.answer:
        case "random", "yes_no":
            return ["yes", "no"]
        case "random", "choice":
            return [option.partition(":")[0].strip() for option in record.options or []]
        case "random", _:
            return [",".join(products[i:] + products[:i]) for i in range(len(products))]
        case "input-order", _:
            return [",".join(products)]
        case "all-null", _:
            # The target attributes in the format of the data, all without a value.
            names = dict.fromkeys(entry["attribute"] for entry in json.loads(record.output))
            null = {"value": "None", "source": "None"}
            return [json.dumps([{"attribute": name, **null} for name in names])]
    return [{"always-yes": "yes", "always-no": "no", "majority": majority}[baseline]]
