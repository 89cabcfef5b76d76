"""The tables of a study, what each needs to know about it, and what it reads.

A report has the scores of all models, whatever tables are configured.
"""

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.config.models import LearnedModel, OpenAIModel, name_like
from ecslm.models.architecture import count_adapter, count_base, count_multiplied
from ecslm.plan.comparisons import contrast_tasks, contrasts
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.schemas.task import EXAMPLE, answered_setting
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.inputs import Entry, Inputs
from ecslm.tables.kind import KINDS, TableRequest
from ecslm.tables.kinds.results import ResultsEntry, Rows
from ecslm.tables.settings import (
    ContrastContext,
    DataContext,
    ModelContext,
    TableContext,
    TaskContext,
)

# With more columns a table takes the whole width of a page.
MOST_NARROW = 3


@cache
def study_tables(study: Study) -> Mapping[str, Entry]:
    """The tables of a study by name: those of the configuration, and of all other scores."""
    return {**study.settings.tables, **score_tables(study)}


def score_tables(study: Study) -> dict[str, Entry]:
    """A results table for each setting, by name, of the models and tasks that no results table of
    the configuration shows in any setting, beside all trivial baselines. The answers to prompts
    with an example are those of the setting without."""
    declared, baselines = study.settings.tables, sorted(study.settings.baselines)
    scored = [
        (setting, model, task)
        for setting in sorted({one.removesuffix(EXAMPLE) for one in study.settings.settings})
        for model in sorted(study.settings.models)
        for task in study.model_tasks(model)
        if answered_setting(setting, study.model(model).shots)
        in study.answered_settings(model, task)
    ]
    shown = {
        (model, task)
        for entry in declared.values()
        if isinstance(entry, ResultsEntry)
        for setting, model, task in scored
        if setting == entry.setting and model in entry.models and task in entry.columns
    }
    found: dict[str, Entry] = {}
    left = (one for one in scored if one[1:] not in shown)
    for setting, same in groupby(left, key=itemgetter(0)):
        pairs = [one[1:] for one in same]
        models, tasks = dict.fromkeys(model for model, _ in pairs), {task for _, task in pairs}
        free = tuple(name for name in models if study.settings.models[name].limits() is None)
        trivial = [one for one in baselines if tasks.intersection(study.baseline_tasks(one))]
        groups = [Rows(group="Trivial", baselines=tuple(trivial))] if trivial else []
        # A setting is called as the data call it, which may be no name of a file.
        name = name_like(f"scores_{setting}", {*declared, *found}, otherwise="scores")
        found[name] = ResultsEntry(
            kind="results",
            label=f"tab:{name}",
            caption=f"Scores, {study.config.setting_titles.get(setting, setting)}",
            wide=len(tasks) > MOST_NARROW,
            setting=setting,
            columns=tuple(sorted(tasks)),
            rows=(*groups, Rows(group="Models", models=tuple(models))),
            competitors=free if len(free) > 1 else (),
        )
    return found


@cache
def table_settings(study: Study, table: str) -> TableRequest:
    """A table's entry, with the study."""
    return TableRequest(table=study_tables(study)[table], context=table_context(study))


def table_files(study: Study, table: str) -> list[str]:
    """The results that a table reads, relative to the study's results directory."""
    return study_tables(study)[table].files(table_context(study))


def table_resources(study: Study, table: str) -> dict[str, str]:
    """Files of the repository that a table reads besides results, by the option of the script."""
    wanted = study_tables(study)[table].RESOURCES.items()
    found = {option: study.published(path) for option, path in wanted}
    return {option: path for option, path in found.items() if path is not None}


def check_tables(study: Study) -> None:
    """Check the names that tables look up in files of the repository, before anything runs.

    Raises:
        InputError: a published row that a table names is missing, or there are no published scores.
    """
    problems = []
    if study.published(paths.PUBLISHED_SCORES) is None:
        raise InputError(
            f"studies.{study.name}.published_numbers: {study.settings.published_numbers}: no "
            f"{paths.PUBLISHED_SCORES.name} there: write one, see docs/own-paper.md"
        )
    for table, entry in study_tables(study).items():
        files = {option: Path(path) for option, path in table_resources(study, table).items()}
        found = entry.problems(Inputs(table_context(study), Path(study.results), files))
        problems += [f"studies.{study.name}.tables.{table}: {problem}" for problem in found]
    if problems:
        raise InputError(*problems)


def in_report_order(study: Study) -> dict[str, Entry]:
    """The tables by name, sorted by their kind and by name, since the order of keys in the
    configuration must not matter."""
    tables = study_tables(study).items()
    return dict(sorted(tables, key=lambda one: (KINDS.index(type(one[1])), one[0])))


@cache
def table_context(study: Study) -> TableContext:
    """Everything that tables may need to know about a study."""
    settings, tasks = study.settings, {code: study.task(code) for code in study.settings.tasks}
    return TableContext(
        data=DataContext(source=source_of(study).title(), comparable=settings.published_comparable),
        tasks={
            code: TaskContext(
                title=task.title,
                metric=metric(task.metric).NAME,
                proportion=metric(task.metric).PROPORTION,
                answer=task.answer,
                overlaps=task.train and task.test,
            )
            for code, task in tasks.items()
        },
        models={name: _model(study, name) for name in settings.models},
        baselines={name: study.baseline_tasks(name) for name in settings.baselines},
        contrasts={
            name: ContrastContext(title=one.title or name, tasks=contrast_tasks(study, name))
            for name, one in contrasts(study).items()
        },
        simple={
            task: tuple(sorted(names))
            for task in study.test_tasks
            if (names := study.simple_baselines(task))
        },
        setting_titles=study.config.setting_titles,
    )


def _model(study: Study, name: str) -> ModelContext:
    model = study.model(name)
    training, access = study.adapted(name), model.reached()
    sizes = None if model.base is None else study.architecture_row(model.base)
    learned = model if isinstance(model, LearnedModel) else None
    parameters = None
    if sizes and training:
        trained = count_adapter(sizes, training.rank, training.target_modules)
        parameters = count_base(sizes), trained
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
        parameters=parameters,
        prices=None if access is None else access.prices,
        family=learned.method if learned else model.base or name,
        multiplied=None if sizes is None else count_multiplied(sizes),
        trained=model.seeds if model.tuned and model.run else (),
        share=learned.train_fraction if learned else training and training.train_fraction,
    )
