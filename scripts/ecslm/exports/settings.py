"""Settings of what is for use elsewhere: exported models and their cards."""

from typing import ClassVar

from pydantic import Field

from ecslm.families.settings import AnsweredTasks
from ecslm.schemas import paths
from ecslm.schemas.references import TunedModelName
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.tidy.study import StudyContext


class ExportEntry(Closed):
    """The study's `export`: which models the target of this name makes."""

    models: tuple[TunedModelName, ...] | None = Field(None, min_length=1)
    """Tuned models, each by its first seed (default: all)."""
    records: int = Field(4, ge=1)
    """Test records of each task that the exported model and its adapter both answer, to show that
    they are equal."""


class ExportSettings(AnsweredTasks):
    """Everything in the configuration that determines an exported model."""

    records: int = Field(ge=1)
    """Test records of each task that are answered."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries whose versions can change the exported model or the answers."""
        return self.libraries_for(adapter=True)


class ModelCardSettings(JobSettings):
    """Everything except files that can change the card."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("Jinja2", "numpy")

    model: str
    """Name of the model."""
    seed: int
    """Seed of its adapter."""
    study: str
    """Title of the study."""
    context: StudyContext
    """The study's data, and the tasks that the model answers."""
    base_license: str | None
    """Licence of the base; null if not configured."""
    data_hub_id: str | None
    """The data set on the hub, if it is there."""
    data_license: str | None
    """Licence of the data; null if not configured."""

    @property
    def adapter(self) -> str:
        """The manifest of its adapter, relative to the study's results directory."""
        return paths.ADAPTER.format(model=self.model, seed=self.seed)

    def files(self) -> list[str]:
        """The files that the card reads, likewise."""
        exported = (path.format(model=self.model) for path in (paths.EXPORT, paths.EXPORT_EQUALITY))
        return [*exported, self.adapter, paths.SCORES_PARQUET]
