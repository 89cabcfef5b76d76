"""Schemas of differences between scores and of comparisons, which add adjusted p-values."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ecslm.common.manifests import read_result, verify_result
from ecslm.common.validation import read_model
from ecslm.schemas.paths import COMPARISONS_MANIFEST, comparison_path
from ecslm.schemas.settings import Closed

Test = Literal[
    "mcnemar", "randomisation", "randomisation_mcnemar", "newcombe", "bootstrap", "expected"
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Difference(Closed):
    """A row of `differences/{task}.json`: two scores of one task, their difference and its test."""

    contrast: str = Field(description="Name of the contrast, a family of tests.")
    a: str = Field(description="A model or, in a contrast of settings, a setting.")
    b: str = Field(description="The model or setting that `a` is compared with.")
    best_simple: bool = Field(
        False, description="Whether the contrast names `b` as the best simple baseline of the task."
    )
    setting: str | None = Field(description="Evaluation setting; null in a contrast of settings.")
    model: str | None = Field(description="The model in a contrast of settings, else null.")
    paired: bool = Field(description="Whether samples are compared one by one.")
    n: int = Field(description="Compared records of `a`.")
    n_b: int = Field(description="Compared records of `b`; equal to `n` if paired.")
    unshared: int = Field(description="If paired: records that only one side has.")
    seeds: tuple[int, int] = Field(description="Number of seeds of `a` and of `b`.")
    value_a: Finite | None = Field(
        description="Strict score of `a` on these records, the mean over seeds; null if undefined."
    )
    value_b: Finite | None = Field(description="Likewise for `b`.")
    difference: Finite | None = Field(
        description="value_a - value_b; null, like ci95, test and p, if one is undefined."
    )
    ci95: tuple[Finite, Finite] | None = Field(description="95 % interval of the difference.")
    reliable: bool = Field(description="Whether the interval is reliable.")
    deciding: int | None = Field(
        description="Records of the rarest class that the metric depends on or, of paired "
        "proportions, that only one side got right; null if the metric has no classes."
    )
    test: Test | None = Field(description="The test that gave p.")
    p: Probability | None = Field(description="Two-sided p-value; null hypothesis: no difference.")
    p_interval: tuple[Probability, Probability] | None = Field(
        description="95 % interval of a p from random draws; null if p is exact."
    )

    @property
    def sound(self) -> bool:
        """Whether the test is valid with these records: an exact one always is."""
        return self.reliable or self.test not in ("newcombe", "bootstrap", "expected")


class Comparison(Difference):
    """A row of `comparisons/{task}.json`."""

    family: int = Field(description="Number of tests that p_holm is adjusted for.")
    p_holm: Probability | None = Field(
        description="p adjusted for all tests of the contrast, in all tasks."
    )
    p_holm_interval: tuple[Probability, Probability] | None = Field(
        description="The same of the ends of all p-values' intervals; null if both are p_holm."
    )


def read_comparisons(results: Path, task: str) -> list[Comparison]:
    """Read a task's comparisons.

    Raises:
        InputError: the file is missing, altered or invalid.
    """
    path = results / comparison_path(task)
    verify_result(path, results / COMPARISONS_MANIFEST)
    return read_model(path, list[Comparison])


def read_differences(path: Path) -> list[Difference]:
    """Read a file of differences.

    Raises:
        InputError: the file is missing, altered or invalid.
    """
    return read_result(path, list[Difference])
