"""Settings of scoring: how tasks are scored and intervals are computed."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ecslm.schemas.task import Metric, TaskKind

# Libraries whose versions can change a score.
LIBRARIES = ("numpy",)

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


class ScoringSettings(BaseModel):
    """The study's `scoring`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: Resamples = 10_000
    seed: Seed = 0


class ScriptSettings(BaseModel):
    """The value of `--settings` of the score scripts; `task` defaults to the registry's entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()


class OverSeedsSettings(BaseModel):
    """The value of `--settings` of the script that scores over seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Metric = Field(description="The task's headline metric.")
    scoring: ScoringSettings = ScoringSettings()
