"""Differences between scores, and comparisons, which add p-values adjusted over a family of tests:
all cells of a contrast, across tasks."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field

from ecslm.common.tidy_rows import COUNT, NUMBER, TEXT, TRUTH, TidyRow, tidy_frame
from ecslm.schemas.settings import Closed

Exact = Literal["mcnemar", "randomisation", "randomisation_mcnemar"]
Test = Exact | Literal["newcombe", "bootstrap", "expected"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]

# Those that write tidy rows.
LIBRARIES = ("pandas", "pyarrow")
# The columns of tidy rows, with types that know missing values.
COLUMNS = {
    **dict.fromkeys(("task", "contrast", "a", "b"), TEXT),
    "best_simple": TRUTH,
    **dict.fromkeys(("setting", "model"), TEXT),
    "paired": TRUTH,
    **dict.fromkeys(("n", "n_b", "unshared", "seeds_a", "seeds_b"), COUNT),
    **dict.fromkeys(("value_a", "value_b", "agreement", "agreement_by_chance"), NUMBER),
    **dict.fromkeys(("difference", "low", "high"), NUMBER),
    **{"reliable": TRUTH, "deciding": COUNT, "test": TEXT},
    **dict.fromkeys(("p", "p_low", "p_high"), NUMBER),
    "family": COUNT,
    **dict.fromkeys(("p_holm", "p_holm_low", "p_holm_high"), NUMBER),
}
# Of these fields, the columns of their two numbers.
PAIRS = {
    "seeds": ("seeds_a", "seeds_b"),
    "ci95": ("low", "high"),
    "p_interval": ("p_low", "p_high"),
    "p_holm_interval": ("p_holm_low", "p_holm_high"),
}


def is_sound(reliable: bool, test: Test | None) -> bool:
    """Whether a test is valid with its records: an exact one always is."""
    return reliable or test in get_args(Exact)


class Difference(Closed):
    """A row of `differences/{task}.json`: two scores of one task, their difference and its test.

    Attributes:
        contrast: name of the contrast, a family of tests.
        a: a model or, in a contrast of settings, a setting.
        b: the model or setting that `a` is compared with.
        best_simple: whether the contrast names `b` as the best simple baseline of the task.
        setting: evaluation setting; null in a contrast of settings.
        model: the model in a contrast of settings, else null.
        paired: whether samples are compared one by one.
        n: compared records of `a`.
        n_b: compared records of `b`; equal to `n` if paired.
        unshared: if paired, records that only one side has.
        seeds: number of seeds of `a` and of `b`.
        value_a: strict score of `a` on these records, the mean over seeds; null if undefined.
        value_b: likewise for `b`.
        agreement: share of the samples to which both give the same answer, the mean over pairs of
            seeds; null if not paired.
        agreement_by_chance: the share to expect if both gave their answers to samples at random.
        difference: value_a - value_b; null, like ci95, test and p, if one is undefined.
        ci95: 95 % interval of the difference.
        reliable: whether the interval is reliable.
        deciding: records of the rarest class that the metric depends on or, of paired proportions,
            that only one side got right; null if the metric has no classes.
        test: the test that gave p.
        p: two-sided p-value; null hypothesis: no difference.
        p_interval: 95 % interval of a p from random draws; null if p is exact.
    """

    contrast: str
    a: str
    b: str
    best_simple: bool = False
    setting: str | None
    model: str | None
    paired: bool
    n: int
    n_b: int
    unshared: int
    seeds: tuple[int, int]
    value_a: Finite | None
    value_b: Finite | None
    agreement: Probability | None = None
    agreement_by_chance: Probability | None = None
    difference: Finite | None = None
    ci95: tuple[Finite, Finite] | None = None
    reliable: bool = False
    deciding: int | None = None
    test: Test | None = None
    p: Probability | None = None
    p_interval: tuple[Probability, Probability] | None = None

    @property
    def sound(self) -> bool:
        """Whether the test is valid with these records."""
        return is_sound(self.reliable, self.test)


class Comparison(Difference):
    """A row of `comparisons.parquet`, which has two columns for each pair of numbers.

    Attributes:
        family: number of tests that p_holm is adjusted for.
        p_holm: p adjusted for all tests of the contrast, in all tasks.
        p_holm_interval: the same of the ends of all p-values' intervals; null if both are p_holm.
    """

    family: int
    p_holm: Probability | None
    p_holm_interval: tuple[Probability, Probability] | None


def comparison_frame(comparisons: Mapping[str, Sequence[Comparison]]) -> Any:
    """The comparisons of each task as tidy rows, as `comparisons.parquet` has them."""
    rows: list[TidyRow] = []
    for task, of_task in comparisons.items():
        for comparison in of_task:
            row = {"task": task} | comparison.model_dump()
            for name, columns in PAIRS.items():
                row |= zip(columns, row.pop(name) or (None, None), strict=True)
            rows.append(row)
    return tidy_frame(rows, COLUMNS)


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


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of one family, in the order given; control the family-wise error rate.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    at_most_one = np.empty_like(p)
    at_most_one[order] = np.minimum(steps, 1.0)
    found: list[float] = at_most_one.tolist()
    return found
