"""Settings of the report: what it shows, and the result files that it reads.

Lists, not mappings: jobs get settings with sorted keys, and what a report shows has an order.
"""

from pydantic import Field

from ecslm.common.text import with_code
from ecslm.figures.settings import FigureName
from ecslm.models.precision import Precision
from ecslm.schemas import paths
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Metric
from ecslm.scoring.modules import metric_module
from ecslm.training.settings import TrainingSettings

# Libraries whose versions can change the report.
LIBRARIES = ("Jinja2", "MarkupSafe")


class ReportTable(Closed):
    """A table of the report."""

    name: str = Field(description="Its name, and that of its files.")
    kind: str = Field(description="Its kind.")
    setting: str | None = Field(None, description="Evaluation setting of a results table.")


class ReportTask(Closed):
    """A task of the report."""

    code: str = Field(description="Its code.")
    title: str = Field(description="Name in prose.")
    metric: Metric = Field(description="Headline metric, which says how good an answer is.")
    measure: str = Field(description="Display name of the metric.")

    @property
    def name(self) -> str:
        """The task's title with its code."""
        return with_code(self.title, self.code)


class ReportModel(Closed):
    """A model whose manifests and predictions the report shows."""

    name: str = Field(description="Its name.")
    base: str | None = Field(
        None, description="Name of its base, under which the manifest is found; null without one."
    )
    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which predictions exist.")
    precision: Precision | None = Field(None, description="Of its base; null without one.")
    training: TrainingSettings | None = Field(
        None, description="How its adapters are trained, one for each seed; null without any."
    )


class ReportSettings(Closed):
    """Everything except files that can change the report."""

    study: str = Field(description="Name of the study.")
    title: str = Field(description="Title of the report.")
    question: str = Field(description="What the study asks.")
    data_source: str = Field(description="Data source and revision.")
    comparable: bool = Field(
        description="Whether the published numbers were measured on these data."
    )
    of_the_paper: bool = Field(
        True,
        description="Whether they are those of the paper that this project reproduces: its recipe "
        "is the default of the training settings.",
    )
    train_setting: str = Field(description="Setting of the training records.")
    setting_titles: dict[str, str] = Field(
        {}, description="Titles of evaluation settings; others are shown by their name."
    )
    resamples: int = Field(description="Resamples of the bootstrap.")
    tables: tuple[ReportTable, ...] = Field((), description="Tables, in order.")
    figures: tuple[FigureName, ...] = Field((), description="Figures, in order.")
    tasks: tuple[ReportTask, ...] = Field((), description="Tasks, in order.")
    models: tuple[ReportModel, ...] = Field((), description="Models, in order.")
    judged: tuple[str, ...] = Field(
        (), description="Models that a warning compares with the best simple baselines."
    )
    not_run: tuple[str, ...] = Field((), description="Models that are not run here, sorted.")
    partly_shown: tuple[str, ...] = Field(
        (), description="Evaluation settings of which some scores are in no table, sorted."
    )
    card: bool = Field(True, description="Whether the study has a data card.")
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )
    samples: int = Field(description="Records of each task and setting whose answers are shown.")
    versions: dict[str, str] = Field({}, description="Locked versions of the libraries.")

    def setting_title(self, name: str) -> str:
        """What a setting is called in a report."""
        return self.setting_titles.get(name, name)


def report_files(settings: ReportSettings) -> list[str]:
    """The files that the report reads, relative to the study's results directory."""
    found = [
        pattern.format(table=table.name)
        for table in settings.tables
        for pattern in (paths.TABLE_JSON, paths.TABLE)
    ]
    found += [paths.FIGURE_SVG.format(figure=figure.name) for figure in settings.figures]
    found += [*adapter_manifests(settings), *score_files(settings)]
    found += [paths.DATA_CARD] if settings.card else []
    for task in settings.tasks:
        answering = [model for model in settings.models if task.code in model.tasks]
        for model in answering if settings.samples else ():
            found += paths.sample_paths(model.name, model.seeds[0], task.code)
        if answering and settings.samples:
            found.append(paths.DATASET.format(task=task.code, split="test"))
    return found


def score_files(settings: ReportSettings) -> list[str]:
    """The scores of all models and baselines, relative to the study's results directory."""
    of_models = [
        paths.metric_path(model.name, seed, task)
        for model in settings.models
        for task in model.tasks
        for seed in model.seeds
    ]
    return of_models + [
        paths.metric_path(name, 0, task)
        for name, tasks in settings.baselines.items()
        for task in tasks
    ]


def adapter_manifests(settings: ReportSettings) -> list[str]:
    """The manifests of all adapters, relative to the study's results directory."""
    return [
        paths.ADAPTER.format(model=model.name, seed=seed)
        for model in settings.models
        if model.training is not None
        for seed in model.seeds
    ]


def metric_modules(settings: ReportSettings) -> tuple[str, ...]:
    """The modules of the tasks' metrics, which say how good an answer is."""
    return tuple(sorted({metric_module(task.metric) for task in settings.tasks}))


def base_names(settings: ReportSettings) -> list[str]:
    """The bases of all models, each once."""
    bases = (model.base for model in settings.models)
    return list(dict.fromkeys(base for base in bases if base is not None))
