"""Settings of latency: which prompts are answered one at a time, and how."""

from pydantic import Field

from ecslm.prediction.backend import modules_of
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.settings import Closed, JobSettings


class SampleSettings(Closed):
    """The sample of test records: the same for all models of a study."""

    prompts: int = Field(100, ge=2)
    """Prompts that are answered, spread evenly over the tasks."""
    seed: int = Field(0, ge=0)
    """Decides which of a task's test records these are."""


class LatencySettings(SampleSettings, JobSettings):
    """Everything in the configuration that determines what is measured."""

    tasks: dict[str, TransformersSettings] = Field(min_length=1)
    """How the model answers each task."""

    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that are loaded by name."""
        return tuple(sorted({name for own in self.tasks.values() for name in modules_of(own)}))
