"""Where scores lie in a study's results folder."""

from collections.abc import Iterable

RECORDS = ".records.jsonl"


def metric_path(name: str, seed: int, task: str) -> str:
    """Path of the metrics file of a model or, with seed 0, a trivial baseline."""
    return f"metrics/{name}/seed-{seed}/{task}.json"


def outcome_paths(name: str, seeds: Iterable[int], task: str) -> list[str]:
    """Paths of the outcomes of each seed's records."""
    return [metric_path(name, seed, task).removesuffix(".json") + RECORDS for seed in seeds]


def over_seeds_path(model: str, task: str) -> str:
    """Path of a model's score over its seeds."""
    return f"metrics/{model}/over-seeds/{task}.json"
