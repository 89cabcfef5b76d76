"""The rows of `results/{study}/comparisons/{task}.json`, and where they lie."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ecslm.files import InputError, field_problems, read_json
from ecslm.manifests import verify_result

# In the study's results folder; one job makes the files of all tasks, since Holm's adjustment needs
# the p-values of all.
MANIFEST = "comparisons/manifest.json"

Test = Literal["mcnemar", "randomisation", "bootstrap"]


class Comparison(BaseModel):
    """The difference of two scores of one task."""

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
    value_a: float = Field(description="Strict score of `a` on them; with several seeds the mean.")
    value_b: float = Field(description="Strict score of `b` on them; with several seeds the mean.")
    difference: float = Field(description="value_a - value_b.")
    ci95: tuple[float, float] = Field(description="95 % interval of the difference.")
    reliable: bool = Field(description="Whether there are enough records for the interval.")
    test: Test = Field(description="How p was found.")
    p: float = Field(description="Two-sided p of no difference.")
    p_holm: float = Field(description="p adjusted for all cells of the contrast, all tasks.")


def comparison_path(task: str) -> str:
    """Path of a task's comparisons in the study's results folder."""
    return f"comparisons/{task}.json"


def read_comparisons(results: Path, task: str) -> list[Comparison]:
    """A task's comparisons.

    Raises:
        InputError: the file is missing, altered, or breaks its contract.
    """
    path = results / comparison_path(task)
    verify_result(path, results / MANIFEST)
    try:
        return TypeAdapter(list[Comparison]).validate_python(read_json(path))
    except ValidationError as error:
        raise InputError(*(f"{path}: {problem}" for problem in field_problems(error))) from None
