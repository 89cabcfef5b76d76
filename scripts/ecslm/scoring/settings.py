"""Settings of scoring: how tasks are scored and intervals are computed."""

from typing import Annotated

from pydantic import Field

from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Metric, TaskKind

# Libraries whose versions can change a score.
LIBRARIES = ("numpy",)

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


class ScoringSettings(Closed):
    """The study's `scoring`."""

    resamples: Resamples = 10_000
    seed: Seed = 0


class ScriptSettings(Closed):
    """The value of `--settings` of the score scripts; `task` defaults to the registry's entry."""

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()


class OverSeedsSettings(Closed):
    """The value of `--settings` of the script that scores over seeds."""

    metric: Metric = Field(description="The task's headline metric.")
    scoring: ScoringSettings = ScoringSettings()
