"""Settings of scoring: how tasks are scored and intervals are computed."""

from typing import Annotated, ClassVar

from pydantic import Field

from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Metric, TaskKind
from ecslm.scoring.modules import metric_module, task_modules

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


class ScoringSettings(Closed):
    """The study's `scoring`."""

    resamples: Resamples = 10_000
    seed: Seed = 0


class ScriptSettings(JobSettings):
    """The value of `--settings` of the score scripts; `task` defaults to the registry's entry."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy",)

    task: TaskKind | None = None
    scoring: ScoringSettings = ScoringSettings()

    def modules(self) -> tuple[str, ...]:
        """Those of the task's answers and metric."""
        return task_modules(self.task)


class OverSeedsSettings(JobSettings):
    """The value of `--settings` of the script that scores over seeds."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy",)

    metric: Metric
    """The task's headline metric."""
    scoring: ScoringSettings = ScoringSettings()

    def modules(self) -> tuple[str, ...]:
        """That of the metric."""
        return (metric_module(self.metric),)
