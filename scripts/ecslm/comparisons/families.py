"""Families of tests: p-values adjusted over all cells of a contrast, across tasks."""

from collections.abc import Mapping, Sequence

from ecslm.comparisons.results import Comparison, Difference
from ecslm.comparisons.significance import holm


def adjusted(differences: Mapping[str, Sequence[Difference]]) -> dict[str, list[Comparison]]:
    """Adjust p-values: the comparisons of each task, from the differences of all tasks."""
    families: dict[str, list[float]] = {}
    for rows in differences.values():
        for row in rows:
            if row.p is not None:
                families.setdefault(row.contrast, []).append(row.p)
    p_holm = {contrast: iter(holm(p_values)) for contrast, p_values in families.items()}
    return {
        task: [
            Comparison(
                **row.model_dump(),
                family=len(families.get(row.contrast, [])),
                p_holm=None if row.p is None else next(p_holm[row.contrast]),
            )
            for row in rows
        ]
        for task, rows in differences.items()
    }
