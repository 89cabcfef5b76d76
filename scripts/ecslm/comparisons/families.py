"""Families of tests: p-values adjusted over all cells of a contrast, across tasks."""

from collections.abc import Mapping, Sequence

from ecslm.comparisons.results import Comparison, Difference
from ecslm.comparisons.significance import holm


def adjusted(differences: Mapping[str, Sequence[Difference]]) -> dict[str, list[Comparison]]:
    """The comparisons of each task: p-values are adjusted over all cells of a contrast, whatever
    their task.

    An adjusted p never falls if any p of its family rises. So the lower ends of all intervals of
    p-values give the lower end of that of each adjusted p, and the upper ends the upper one.
    """
    families: dict[str, list[tuple[float, float, float]]] = {}
    for row in (row for rows in differences.values() for row in rows):
        bounds = families.setdefault(row.contrast, [])
        if row.p is not None:
            bounds.append((row.p, *(row.p_interval or (row.p, row.p))))
    found = {
        contrast: zip(*map(holm, zip(*family, strict=True)), strict=True)
        for contrast, family in families.items()
    }

    def comparison(row: Difference) -> Comparison:
        p, low, high = (None,) * 3 if row.p is None else next(found[row.contrast])
        return Comparison(
            **row.model_dump(),
            family=len(families[row.contrast]),
            p_holm=p,
            p_holm_interval=None if low == high else (low, high),
        )

    return {task: [comparison(row) for row in rows] for task, rows in differences.items()}
