"""The printed tables of a study, and what all that is printed needs to know about it."""

from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError, refuse
from ecslm.common.text import nearest
from ecslm.config.models import LearnedModel, OpenAIModel
from ecslm.estimates.sizes import sizes_of_row
from ecslm.plan.comparisons import contrasts
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.schemas.task import TaskSettings
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.kind import KINDS, AnyEntry, TableRequest
from ecslm.tables.kinds.cost import CostEntry
from ecslm.tables.scores import Published
from ecslm.tidy.scores import read_published
from ecslm.tidy.settings import CostsSettings, RecordsSettings, TidySettings
from ecslm.tidy.study import DataContext, ModelContext, StudyContext, TaskContext


@cache
def table_settings(study: Study, table: str) -> TableRequest:
    """A table's entry, with the study."""
    return TableRequest(table=study.settings.tables[table], context=study_context(study))


def table_resources(study: Study, table: str) -> dict[str, str]:
    """Files of the repository that a table reads besides results, by the option of the script."""
    wanted = study.settings.tables[table].RESOURCES.items()
    found = {option: study.published(path) for option, path in wanted}
    return {option: path for option, path in found.items() if path is not None}


def check_tables(study: Study) -> None:
    """Check the names that tables look up in files of the repository, before anything runs.

    Raises:
        InputError: the published scores are missing or broken, or have no row that a table names.
    """
    if (path := study.published(paths.PUBLISHED_SCORES)) is None:
        where = f"studies.{study.name}.published_numbers: {study.settings.published_numbers}"
        fix = f"no {paths.PUBLISHED_SCORES.name} there: write one, see docs/own-paper.md"
        raise InputError(f"{where}: {fix}")
    known, rows = study.config.tasks, read_published(Path(path))
    published = Published((row for row in rows if row["task"] in study.settings.tasks), path)
    problems = [
        f"{path}: line 1: {column}: the column is of no task{nearest(column, known)}"
        for column in sorted({row["task"] for row in rows}.difference(known))
    ]
    for table, entry in study.settings.tables.items():
        found = entry.problems(study_context(study), published)
        problems += [f"studies.{study.name}.tables.{table}: {problem}" for problem in found]
    refuse(problems)


def in_report_order(study: Study) -> dict[str, AnyEntry]:
    """The tables by name, sorted by their kind and by name, since the order of keys in the
    configuration must not matter."""
    tables = study.settings.tables.items()
    return dict(sorted(tables, key=lambda one: (KINDS.index(type(one[1])), one[0])))


@cache
def study_context(study: Study) -> StudyContext:
    """Everything that tables may need to know about a study."""
    settings = study.settings
    return StudyContext(
        data=DataContext(source=source_of(study).title(), comparable=settings.published_comparable),
        tasks={code: _task(study.task(code)) for code in settings.tasks},
        models={name: _model(study, name) for name in settings.models},
        baselines={name: study.baseline_tasks(name) for name in settings.baselines},
        contrasts={name: one.title or name for name, one in contrasts(study).items()},
        simple={
            task: tuple(sorted(names))
            for task in study.test_tasks
            if (names := study.simple_baselines(task))
        },
        setting_titles=study.config.setting_titles,
    )


@cache
def tidy_settings(study: Study) -> TidySettings:
    """Settings of the table of scores."""
    models = {"__all__": {"kind", "base", "adapter_of", "seeds", "tasks"}}
    tasks = {"__all__": {"metric", "measure"}}
    context = study_context(study).part(models=models, tasks=tasks, baselines=True, simple=True)
    return TidySettings(study=study.name, context=context)


def costs_settings(study: Study) -> CostsSettings:
    """Settings of the table of costs: also whose single answers are timed."""
    tables = (one for one in study.settings.tables.values() if isinstance(one, CostEntry))
    timed = {name for one in tables for name in one.latency if study.model_tasks(name)}
    return CostsSettings(**dict(tidy_settings(study)), timed=tuple(sorted(timed)))


def records_settings(study: Study) -> RecordsSettings:
    """Settings of the table of answers."""
    return RecordsSettings(**dict(tidy_settings(study)))


def _task(task: TaskSettings) -> TaskContext:
    measure = metric(task.metric)
    names = {"title": task.title, "metric": measure.NAME}
    return TaskContext(**names, measure=task.metric, proportion=measure.PROPORTION)


def _model(study: Study, name: str) -> ModelContext:
    model = study.model(name)
    training, access = study.adapted(name), getattr(model, "access", None)
    row = None if model.base is None else study.architecture_row(model.base)
    sizes = None if row is None else sizes_of_row(row)
    learned = model if isinstance(model, LearnedModel) else None
    adapter = training and sizes and sizes.updates(training.rank, training.target_modules)
    weights = "tuned" if training else "untuned"
    return ModelContext(
        kind=weights if name in study.local_models else model.backend,
        base=model.base,
        seeds=model.seeds,
        tasks=study.model_tasks(name),
        shots=model.shots,
        limits=model.limits(),
        learned=model.learns,
        served=model.serve if isinstance(model, OpenAIModel) else None,
        local=name in study.local_models or model.learns or study.served(name) is not None,
        adapter_of=study.adapter_name(name),
        parameters=(sizes.parameters, sum(adapter)) if sizes and adapter else None,
        prices=None if access is None else access.prices,
        family=learned.method if learned else model.base or name,
        multiplied=None if sizes is None else sizes.multiplied,
        trained=model.seeds if model.tuned and model.run else (),
        share=learned.train_fraction if learned else training and training.train_fraction,
    )
