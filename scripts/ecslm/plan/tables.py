"""What tables need to know about the study, and what they read."""

from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.config.backends.openai import OpenAIModel
from ecslm.plan.comparisons import contrast_tasks, contrasts
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.plan.study_tables import study_tables
from ecslm.schemas import paths
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.kind import Kind, table_kind
from ecslm.tables.requests import TableRequest, table_request
from ecslm.tables.settings import (
    AdapterContext,
    ContrastContext,
    CostContext,
    DataContext,
    ModelContext,
    TableContext,
    TaskContext,
)


@cache
def table_settings(study: Study, table: str) -> TableRequest[Any]:
    """A table's entry, with the part of the study that it shows."""
    return table_request(study_tables(study)[table], table_context(study))


def kind_of(study: Study, table: str) -> Kind[Any]:
    """The kind of a table."""
    return table_kind(study_tables(study)[table].kind)


def table_resources(study: Study, table: str) -> dict[str, str]:
    """Files of the repository that a table reads besides results, by the option of the script."""
    found = {
        option: study.published(path) if path.is_relative_to(paths.PUBLISHED) else str(path)
        for option, path in kind_of(study, table).resources.items()
    }
    return {option: path for option, path in found.items() if path is not None}


def check_tables(study: Study) -> None:
    """Check the names that tables look up in files of the repository, before anything runs.

    Raises:
        InputError: a published row or an architecture that a table names is missing, or there are
            no published scores.
    """
    study.require_published_scores()
    problems = []
    for table in study_tables(study):
        files = {option: Path(path) for option, path in table_resources(study, table).items()}
        found = kind_of(study, table).problems(table_settings(study, table), files)
        problems += [f"studies.{study.name}.tables.{table}.{problem}" for problem in found]
    if problems:
        raise InputError(*problems)


def in_report_order(study: Study) -> tuple[str, ...]:
    """The tables, sorted by their kind's place and by name, since the order of keys in the
    configuration must not matter."""
    tables = study_tables(study)
    places = {name: table_kind(entry.kind).place for name, entry in tables.items()}
    return tuple(sorted(tables, key=lambda name: (places[name], name)))


@cache
def table_context(study: Study) -> TableContext:
    """Everything that tables may need to know about a study."""
    settings = study.settings
    adapters = {
        name: AdapterContext(
            architecture=settings.architectures.get(model.base, model.base),
            rank=model.training.rank,
            target_modules=model.training.target_modules,
        )
        for name, model in study.local_models.items()
        if model.training is not None
    }
    return TableContext(
        data=DataContext(source=source_of(study).title(), comparable=settings.published_comparable),
        tasks={
            code: TaskContext(
                title=study.task(code).title,
                metric=metric(study.task(code).metric).NAME,
                proportion=metric(study.task(code).metric).PROPORTION,
                answer=study.task(code).answer,
                train=study.task(code).train,
                test=study.task(code).test,
            )
            for code in settings.tasks
        },
        models={
            name: ModelContext(
                seeds=model.seeds,
                tasks=study.model_tasks(name),
                shots=model.shots,
                limits=model.limits(),
                learned=model.LEARNS,
            )
            for name, model in settings.models.items()
        },
        baselines={name: study.baseline_tasks(name) for name in settings.baselines},
        adapters=adapters,
        costs={
            name: CostContext(
                local=name in study.local_models or model.LEARNS,
                learned=model.LEARNS,
                seeds=model.seeds,
                tasks=study.model_tasks(name),
                adapter_of=model.adapter_name(name),
                adapter=adapters.get(model.adapter_name(name) or ""),
                prices=model.access.prices if isinstance(model, OpenAIModel) else None,
            )
            for name, model in settings.models.items()
        },
        contrasts={
            name: ContrastContext(title=one.title or name, tasks=contrast_tasks(study, name))
            for name, one in contrasts(study).items()
        },
        simple={
            task: tuple(sorted(names))
            for task in study.test_tasks
            if (names := study.simple_baselines(task))
        },
        setting_titles={
            name: study.config.setting_titles[name]
            for name in settings.settings
            if name in study.config.setting_titles
        },
    )
