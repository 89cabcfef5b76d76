"""Settings of what is for use elsewhere: exported models, their cards, scores as tidy rows."""

from typing import ClassVar

from pydantic import Field

from ecslm.models.precision import OF_MODELS, OF_PROMPTS
from ecslm.prediction.settings import TransformersSettings
from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Metric
from ecslm.tables.references import TunedModelName
from ecslm.tables.scores import simple_files


class ExportEntry(Closed):
    """The study's `export`: which models the target of this name makes."""

    models: tuple[TunedModelName, ...] | None = Field(None, min_length=1)
    """Tuned models, each by its first seed (default: all)."""
    records: int = Field(4, ge=1)
    """Test records of each task that the exported model and its adapter both answer, to show that
    they are equal."""


class ExportSettings(JobSettings):
    """Everything in the configuration that determines an exported model."""

    tasks: dict[str, TransformersSettings] = Field(min_length=1)
    """How the model answers each task."""
    records: int = Field(ge=1)
    """Test records of each task that are answered."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries whose versions can change the exported model or the answers."""
        precisions = (library for one in self.tasks.values() for library in one.precision.libraries)
        return (*OF_MODELS, *OF_PROMPTS, "peft", *dict.fromkeys(precisions))

    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that answering loads by name."""
        return tuple(sorted({name for one in self.tasks.values() for name in one.modules()}))


class ScoredModel(Closed):
    """A model, by what identifies its files."""

    kind: str
    """`tuned`, `untuned`, `baseline`, or the backend of a model whose weights do not run here."""
    base: str | None
    """Name of its base; null if it has none."""
    adapter: str | None
    """The model whose adapters it uses; null if none."""
    seeds: tuple[int, ...] = Field(min_length=1)
    """Seeds of which results exist."""
    tasks: tuple[str, ...]
    """Tasks of which results exist."""


class ScoreRowsSettings(JobSettings):
    """Everything except files that can change the rows."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    study: str
    """Name of the study."""
    models: dict[str, ScoredModel]
    """Models by name."""
    baselines: dict[str, tuple[str, ...]] = {}
    """Trivial baselines and the tasks that each is defined for."""

    def files(self) -> list[str]:
        """The files that the rows are read from, relative to the study's results directory."""
        baselines = self.baselines.items()
        found = {paths.metric_path(name, 0, task) for name, tasks in baselines for task in tasks}
        for name, model in self.models.items():
            for seed in model.seeds:
                if model.adapter is not None:
                    found.add(paths.ADAPTER.format(model=model.adapter, seed=seed))
                for task in model.tasks:
                    found.add(paths.metric_path(name, seed, task))
                    found.add(paths.PREDICTIONS.format(model=name, seed=seed, task=task))
        return sorted(found)


class CardTask(Closed):
    """A task that the model was evaluated on."""

    title: str
    """Name in prose."""
    metric: Metric
    """Its headline metric."""
    simple: tuple[str, ...]
    """Its simple baselines, trivial and learned."""


class ModelCardSettings(JobSettings):
    """Everything except files that can change the card."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("huggingface_hub", "Jinja2", "numpy")

    model: str
    """Name of the model."""
    seed: int
    """Seed of its adapter."""
    base: str
    """Name of its base."""
    base_license: str | None
    """Licence of the base; null if not configured."""
    study: str
    """Title of the study."""
    data_source: str
    """Data source and revision."""
    data_hub_id: str | None
    """The data set on the hub, if it is there."""
    data_license: str | None
    """Licence of the data; null if not configured."""
    tasks: dict[str, CardTask] = Field(min_length=1)
    """Evaluated tasks by code."""

    @property
    def adapter(self) -> str:
        """The manifest of its adapter, relative to the study's results directory."""
        return paths.ADAPTER.format(model=self.model, seed=self.seed)

    def files(self) -> list[str]:
        """The files that the card reads, likewise."""
        exported = (path.format(model=self.model) for path in (paths.EXPORT, paths.EXPORT_EQUALITY))
        found = [*exported, self.adapter]
        for code, task in self.tasks.items():
            found.append(paths.metric_path(self.model, self.seed, code))
            found += simple_files(code, task.simple) if task.simple else []
        return found
