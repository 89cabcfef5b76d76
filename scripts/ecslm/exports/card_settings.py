"""Settings of a model card, and the result files that it reads."""

from pydantic import Field

from ecslm.schemas import paths
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import TaskKind
from ecslm.scoring.modules import task_modules
from ecslm.tables.scores import simple_files

# Libraries whose versions can change a card.
LIBRARIES = ("huggingface_hub", "Jinja2", "numpy")


class CardTask(Closed):
    """A task that the model was evaluated on."""

    title: str = Field(description="Name in prose.")
    kind: TaskKind = Field(description="How it is scored.")
    simple: tuple[str, ...] = Field(description="Its simple baselines, trivial and learned.")


class ModelCardSettings(Closed):
    """Everything except files that can change the card."""

    model: str = Field(description="Name of the model.")
    seed: int = Field(description="Seed of its adapter.")
    base: str = Field(description="Name of its base.")
    base_license: str | None = Field(description="Licence of the base; null if not configured.")
    study: str = Field(description="Title of the study.")
    data_source: str = Field(description="Data source and revision.")
    data_hub_id: str | None = Field(description="The data set on the hub, if it is there.")
    data_license: str | None = Field(description="Licence of the data; null if not configured.")
    tasks: dict[str, CardTask] = Field(min_length=1, description="Evaluated tasks by code.")


def card_files(settings: ModelCardSettings) -> list[str]:
    """The files that a card reads, relative to the study's results directory."""
    model, seed = settings.model, settings.seed
    exported = [paths.EXPORT.format(model=model), paths.EXPORT_EQUALITY.format(model=model)]
    found = [*exported, paths.ADAPTER.format(model=model, seed=seed)]
    for code, task in settings.tasks.items():
        found.append(paths.metric_path(model, seed, code))
        found += simple_files(code, task.simple) if task.simple else []
    return found


def card_modules(settings: ModelCardSettings) -> tuple[str, ...]:
    """The modules of the tasks' answers and metrics, by which the answers are scored once more."""
    found = {name for task in settings.tasks.values() for name in task_modules(task.kind)}
    return tuple(sorted(found))
