"""Settings of the report: what it shows, and the result files that it reads.

What has an order is a list: jobs get mappings with sorted keys.
"""

from typing import ClassVar

from ecslm.figures.settings import FigureName
from ecslm.models.precision import Precision
from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Metric
from ecslm.scoring.settings import metric_module
from ecslm.tables.costs import answering_files, training_files
from ecslm.tables.scores import score_files
from ecslm.tables.settings import TableContext
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
    context: TableContext
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
    metrics: dict[str, Metric] = {}
    """Headline metric of each task."""
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

    def modules(self) -> tuple[str, ...]:
        """Those of the tasks' metrics, which say how good an answer is."""
        return tuple(sorted(map(metric_module, set(self.metrics.values()))))


def report_files(settings: ReportSettings) -> list[str]:
    """The files that the report reads, relative to the study's results directory."""
    study, name, card = settings.context, settings.answering, [paths.DATA_CARD]
    found = [
        *(paths.TABLE_JSON.format(table=table) for table in settings.tables),
        *(paths.TABLE.format(table=table) for table in settings.tables),
        *(paths.FIGURE_SVG.format(figure=figure.name) for figure in settings.figures),
        *(card if settings.card else []),
        *adapter_manifests(settings),
        *score_files(study),
    ]
    if name is not None:
        found += [*answering_files(study, name), *training_files(study, name)]
        found += [paths.LATENCY.format(model=name)] if settings.timed else []
        simple = {row for rows in study.simple.values() for row in rows} & study.models.keys()
        found += [path for row in sorted(simple) for path in answering_files(study, row)]
    for task in settings.tasks if settings.samples else ():
        for model in models_answering(settings, task):
            job = {"model": model, "seed": study.models[model].seeds[0], "task": task}
            found += [paths.PREDICTIONS.format(**job), paths.OUTCOMES.format(**job)]
            found.append(paths.DATASET.format(task=task, split="test"))
    return list(dict.fromkeys(found))


def models_answering(settings: ReportSettings, task: str) -> list[str]:
    """The models that answer a task, in order."""
    return [name for name in settings.models if task in settings.context.models[name].tasks]


def adapter_manifests(settings: ReportSettings) -> list[str]:
    """The manifests of all adapters, relative to the study's results directory."""
    return [
        paths.ADAPTER.format(model=name, seed=seed)
        for name in settings.models
        for seed in settings.context.models[name].trained
    ]


def base_names(settings: ReportSettings) -> list[str]:
    """The bases of all models, each once."""
    models = (settings.context.models[name] for name in settings.models)
    return list(dict.fromkeys(model.base for model in models if model.base))
