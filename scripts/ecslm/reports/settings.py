"""Settings of the report: what it shows, and the result files that it reads."""

from pydantic import Field

from ecslm.schemas import paths
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Metric
from ecslm.scoring.modules import metric_module

# Libraries whose versions can change the report.
LIBRARIES = ("Jinja2", "MarkupSafe")


class ReportModel(Closed):
    """A model whose manifests and predictions the report shows."""

    base: str | None = Field(
        description="Name of its base, under which the manifest is found; null if it has none."
    )
    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which predictions exist.")
    tuned: bool = Field(description="Whether it has an adapter, with one manifest per seed.")


class ReportTask(Closed):
    """A task whose predictions the report shows."""

    title: str = Field(description="Name in prose.")
    metric: Metric = Field(description="Headline metric, which says how good an answer is.")


class ReportSettings(Closed):
    """Everything except files that can change the report."""

    study: str = Field(description="Name of the study.")
    title: str = Field(description="Title of the report.")
    data_source: str = Field(description="Data source and revision.")
    tables: tuple[str, ...] = Field(description="Names of the tables, in order.")
    tasks: dict[str, ReportTask] = Field({}, description="Tasks that have samples, in order.")
    models: dict[str, ReportModel] = Field({}, description="Models, in order.")
    sample_models: tuple[str, ...] = Field(
        (), description="Models whose predictions are shown, each by its first seed."
    )
    samples: int = Field(
        2, ge=0, description="Best and worst predictions shown for each task, setting and model."
    )
    versions: dict[str, str] = Field({}, description="Locked versions of the libraries.")


def report_files(settings: ReportSettings) -> list[str]:
    """The files that the report reads, relative to the study's results directory."""
    found = [
        pattern.format(table=table)
        for table in settings.tables
        for pattern in (paths.TABLE_JSON, paths.TABLE)
    ]
    found += adapter_manifests(settings)
    for model in settings.sample_models:
        for task in settings.tasks:
            if task in settings.models[model].tasks:
                found += paths.sample_paths(model, settings.models[model].seeds[0], task)
    found += [
        paths.DATASET.format(task=task, split="test")
        for task in settings.tasks
        if any(task in settings.models[model].tasks for model in settings.sample_models)
    ]
    return found


def adapter_manifests(settings: ReportSettings) -> list[str]:
    """The manifests of all adapters, relative to the study's results directory."""
    return [
        paths.ADAPTER.format(model=name, seed=seed)
        for name, model in settings.models.items()
        if model.tuned
        for seed in model.seeds
    ]


def metric_modules(settings: ReportSettings) -> tuple[str, ...]:
    """The modules of the tasks' metrics, which say how good an answer is."""
    return tuple(sorted({metric_module(task.metric) for task in settings.tasks.values()}))


def base_names(settings: ReportSettings) -> list[str]:
    """The bases of all models, each once."""
    bases = (model.base for model in settings.models.values())
    return list(dict.fromkeys(base for base in bases if base is not None))
