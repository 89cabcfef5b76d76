"""Settings of the backend `learned`."""

from typing import ClassVar, Literal

from pydantic import Field

from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.task import TaskKind

# What computes features and fits.
LIBRARIES = ("scikit-learn", "scipy", "numpy")

Method = Literal["tf-idf", "nearest"]


class LearnedSettings(PredictionSettings):
    """What learns, and from how many of the task's training records."""

    LIBRARIES: ClassVar[tuple[str, ...]] = LIBRARIES

    backend: Literal["learned"]
    method: Method
    task: TaskKind
    train_fraction: float = Field(1.0, gt=0, le=1)
