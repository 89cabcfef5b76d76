"""Families of tests: p-values adjusted over all cells of a contrast, across tasks."""

from collections.abc import Mapping, Sequence

from ecslm.comparisons.results import Comparison, Difference
from ecslm.comparisons.significance import holm

# A p-value with the ends of its Monte Carlo interval.
Bounded = tuple[float, float, float]


def adjusted(differences: Mapping[str, Sequence[Difference]]) -> dict[str, list[Comparison]]:
    """Adjust p-values: the comparisons of each task, from the differences of all tasks.

    An adjusted p never falls if any p of its family rises. So the lower ends of all intervals of
    p-values give the lower end of that of each adjusted p, and the upper ends the upper one.
    """
    families: dict[str, list[Bounded]] = {}
    for rows in differences.values():
        for row in rows:
            if row.p is not None:
                low, high = row.p_interval or (row.p, row.p)
                families.setdefault(row.contrast, []).append((row.p, low, high))
    found = {
        contrast: zip(*(holm(p_values) for p_values in zip(*family, strict=True)), strict=True)
        for contrast, family in families.items()
    }
    return {
        task: [
            _comparison(
                row,
                len(families.get(row.contrast, [])),
                None if row.p is None else next(found[row.contrast]),
            )
            for row in rows
        ]
        for task, rows in differences.items()
    }


def _comparison(row: Difference, family: int, bounded: Bounded | None) -> Comparison:
    if bounded is None:
        return Comparison(**row.model_dump(), family=family, p_holm=None, p_holm_interval=None)
    p, low, high = bounded
    interval = None if low == high else (low, high)
    return Comparison(**row.model_dump(), family=family, p_holm=p, p_holm_interval=interval)
