"""Differences of two scores, and comparisons, which have adjusted p-values."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.manifests import read_result, verify_result
from ecslm.common.validation import read_model
from ecslm.schemas.paths import COMPARISONS_MANIFEST, comparison_path

Test = Literal["mcnemar", "randomisation", "newcombe", "bootstrap"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Difference(BaseModel):
    """A row of `differences/{task}.json`: two scores of one task, their difference and its test."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contrast: str = Field(description="Name of the contrast, a family of tests.")
    a: str = Field(description="A model; in a contrast of settings a setting.")
    b: str = Field(description="What it is compared with.")
    setting: str | None = Field(description="Evaluation setting; null in a contrast of settings.")
    model: str | None = Field(description="The model of a contrast of settings.")
    paired: bool = Field(description="Whether the same samples are compared, one by one.")
    n: int = Field(description="Compared records of `a`.")
    n_b: int = Field(description="Compared records of `b`; `n` where they are paired.")
    unshared: int = Field(description="Records of either side that have no partner in a pairing.")
    seeds: tuple[int, int] = Field(description="Seeds of `a` and of `b`.")
    value_a: Finite | None = Field(
        description="Strict score of `a` on them, of several seeds the mean; null if not defined."
    )
    value_b: Finite | None = Field(description="The same of `b`.")
    difference: Finite | None = Field(
        description="value_a - value_b; null, as all that follows, where one is not defined."
    )
    ci95: tuple[Finite, Finite] | None = Field(description="95 % interval of the difference.")
    reliable: bool = Field(description="Whether there are enough records for the interval.")
    test: Test | None = Field(description="How p was found.")
    p: Probability | None = Field(description="Two-sided p of no difference.")


class Comparison(Difference):
    """A row of `comparisons/{task}.json`."""

    family: int = Field(description="Tests of the contrast, which p_holm is adjusted for.")
    p_holm: Probability | None = Field(
        description="p adjusted for all differences of the contrast, all tasks."
    )


def read_comparisons(results: Path, task: str) -> list[Comparison]:
    """A task's comparisons.

    Raises:
        InputError: the file is missing, altered, or breaks its contract.
    """
    path = results / comparison_path(task)
    verify_result(path, results / COMPARISONS_MANIFEST)
    return read_model(path, list[Comparison])


def read_differences(path: Path) -> list[Difference]:
    """A file of differences.

    Raises:
        InputError: the file is missing, altered, or breaks its contract.
    """
    return read_result(path, list[Difference])
