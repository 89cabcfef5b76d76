"""Settings of exported models: the study's `export`, and the `--settings` of the script."""

from pydantic import Field

from ecslm.models.libraries import OF_MODELS, OF_PROMPTS
from ecslm.models.precision import Precision
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.settings import Closed


class ExportEntry(Closed):
    """The study's `export`: which models the target of this name makes."""

    models: tuple[str, ...] | None = Field(
        None, min_length=1, description="Tuned models, each by its first seed (default: all)."
    )
    records: int = Field(
        4,
        ge=1,
        description="Test records of each task that the exported model and its adapter both "
        "answer, to show that they are equal.",
    )


class ExportSettings(Closed):
    """Everything in the configuration that determines an exported model."""

    precision: Precision
    tasks: dict[str, TransformersSettings] = Field(
        min_length=1, description="How the model answers each task."
    )
    records: int = Field(ge=1, description="Test records of each task that are answered.")

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries whose versions can change the exported model or the answers."""
        return (*OF_MODELS, *OF_PROMPTS, "peft", *self.precision.libraries)

    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that answering loads by name."""
        return tuple(sorted({name for one in self.tasks.values() for name in one.modules()}))
