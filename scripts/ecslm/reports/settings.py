"""Settings of the report: what it shows, and the result files that it reads.

What has an order is a list: jobs get mappings with sorted keys.
"""

from pathlib import Path
from typing import ClassVar

from ecslm.common.manifests import manifest_of
from ecslm.figures.settings import FigureName
from ecslm.models.precision import Precision
from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.tidy.study import StudyContext
from ecslm.training.settings import TrainingSettings


class Recipe(Closed):
    """How a model that runs here computes, and how its adapters are trained."""

    precision: Precision = Precision()
    training: TrainingSettings | None = None
    """Null if it is not tuned."""


class ReportSettings(JobSettings):
    """Everything except files that can change the report."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("Jinja2", "MarkupSafe")

    study: str
    """Name of the study."""
    title: str
    """Title of the report."""
    question: str
    """What the study asks."""
    context: StudyContext
    """The study's data, tasks and models."""
    train_setting: str
    """Setting of the training records."""
    resamples: int
    """Resamples of the bootstrap."""
    tables: tuple[str, ...] = ()
    """Tables, in order."""
    settings_of: dict[str, tuple[str, ...]] = {}
    """Evaluation settings of the tables of results and claims."""
    figures: tuple[FigureName, ...] = ()
    """Figures, in order."""
    tasks: tuple[str, ...] = ()
    """Tasks, in order."""
    models: tuple[str, ...] = ()
    """Models that are run, in order."""
    recipes: dict[str, Recipe] = {}
    """Of the models that run here."""
    answering: str | None = None
    """The model that the answer is about."""
    hourly: float | None = None
    """Price of an hour of the device it runs on."""
    currency: str | None = None
    """Of all prices."""
    timed: bool = False
    """Whether the time of single answers is measured."""
    card: bool = True
    """Whether the study has a data card."""
    samples: int
    """Records of each task and setting whose answers are shown."""
    versions: dict[str, str] = {}
    """Locked versions of the libraries."""


def listing_files(settings: ReportSettings) -> tuple[str, ...]:
    """The tables, printed and tidy, whose manifests list all files that a number came from."""
    tables = (paths.TABLE_JSON.format(table=table) for table in settings.tables)
    return (*tables, paths.SCORES_PARQUET, paths.COSTS_PARQUET)


def report_files(settings: ReportSettings) -> list[str]:
    """The files that the report reads, relative to the study's results directory."""
    listing = listing_files(settings)
    return [
        *listing,
        *(manifest_of(Path(path)).as_posix() for path in listing),
        *(paths.TABLE.format(table=table) for table in settings.tables),
        *(paths.FIGURE_SVG.format(figure=figure.name) for figure in settings.figures),
        *[paths.DATA_CARD] * settings.card,
        *(paths.ADAPTER.format(**job) for job in settings.context.adapters),
        *[paths.RECORDS_PARQUET] * bool(settings.samples),
    ]


def base_names(settings: ReportSettings) -> list[str]:
    """The bases of all models, each once."""
    models = (settings.context.models[name] for name in settings.models)
    return list(dict.fromkeys(model.base for model in models if model.base))
