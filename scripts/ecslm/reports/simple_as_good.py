"""Warnings where a simple baseline is as good as a model."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecslm.tables.model import Table, score_text


@dataclass(frozen=True)
class Judged:
    """The score of a model in a task, and the best simple baseline with its score."""

    task: str
    score: float
    simple: str
    simple_score: float

    @property
    def beaten(self) -> bool:
        """Whether the baseline is as good as the model, by the scores as they are shown."""
        return float(score_text(self.simple_score)) >= float(score_text(self.score))

    def __str__(self) -> str:
        return (
            f"{self.task} ({self.simple} {score_text(self.simple_score)}, "
            f"against {score_text(self.score)})"
        )


def as_good(model: str, where: str, judged: Iterable[Judged]) -> list[str]:
    """The sentence about a model in a setting; none if it beats all simple baselines."""
    every = list(judged)
    found = [one for one in every if one.beaten]
    if not found:
        return []
    return [
        f"{where[:1].upper()}{where[1:]}, in {len(found)} of {len(every)} "
        f"{'task' if len(every) == 1 else 'tasks'} a simple baseline is as good as {model} or "
        f"better, and costs less to use: {', '.join(map(str, found))}."
    ]


def as_good_in_tables(tables: Iterable[tuple[str, Table]], models: Iterable[str]) -> list[str]:
    """The warnings about models in results tables, each given with its setting in words."""
    judged: dict[tuple[str, str], dict[str, Judged]] = {}
    wanted = list(models)
    for where, table in tables:
        for panel in table.panels:
            for row in (row for row in panel.rows if row.name in wanted):
                for column, cell in zip(panel.columns, row.cells, strict=True):
                    if column.simple and isinstance(cell.value, float):
                        one = Judged(
                            column.key, cell.value, column.simple.name, column.simple.value
                        )
                        judged.setdefault((where, row.name), {})[column.key] = one
    return [
        sentence
        for (where, model), by_task in judged.items()
        for sentence in as_good(model, where, by_task.values())
    ]
