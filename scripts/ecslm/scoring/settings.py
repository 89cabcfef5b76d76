"""Settings of scoring: how a task is scored, and how the uncertainty of a score is found."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ecslm.schemas.task import Metric, TaskKind

# Their versions can change a score.
LIBRARIES = ("numpy",)

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


class ScoringSettings(BaseModel):
    """The study's `scoring`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: Resamples = 10_000
    seed: Seed = 0


class ScriptSettings(BaseModel):
    """What `--settings` of the score scripts holds; without a task the registry's entry counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()


class OverSeedsSettings(BaseModel):
    """The value of `--settings` of the script that scores over seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Metric = Field(description="The task's headline metric.")
    scoring: ScoringSettings = ScoringSettings()
