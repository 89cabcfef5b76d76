"""Settings of the choice among a task's simple baselines."""

from pydantic import Field

from ecslm.prediction.learned_settings import LIBRARIES as LEARNING
from ecslm.prediction.learned_settings import LearnedSettings
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import TaskKind
from ecslm.scoring.baselines import Baseline

# Libraries whose versions can change a score.
LIBRARIES = LEARNING


class ChooseSettings(Closed):
    """The value of `--settings` of the script that chooses."""

    task: TaskKind
    trivial: tuple[Baseline, ...] = Field(description="The trivial baselines of the task.")
    learned: dict[str, LearnedSettings] = Field(description="The learned ones, by name.")
