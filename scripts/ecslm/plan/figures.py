"""What the figures of a study show, and the graph of its rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from ecslm.config.backends.learned import LearnedModel
from ecslm.figures.scores import KIND
from ecslm.figures.settings import (
    FigureModel,
    FiguresSettings,
    RuleGraph,
    TableFigures,
)
from ecslm.models.parameter_counts import count_base, count_multiplied
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, study_tables, table_context
from ecslm.tables.requests import table_request
from ecslm.tables.settings import DataContext, Entry, ModelContext, TableContext


@cache
def figures_settings(study: Study) -> FiguresSettings:
    """What figures show of a study."""
    entries = {
        name: _drawn(study_tables(study)[name])
        for name in in_report_order(study)
        if study_tables(study)[name].kind == KIND
    }
    context = table_context(study)
    shown = {name: table_request(entry, context).context for name, entry in entries.items()}
    answering = {model for one in shown.values() for model in one.models}
    local = study.local_models.items()
    trained = {name for name, model in local if model.tuned and model.run}
    models = {name: _model(study, name) for name in sorted(answering | trained)}
    return FiguresSettings(
        tables={
            name: _table_figures(study, entry, shown[name].models, models)
            for name, entry in entries.items()
        },
        context=_together(context, list(shown.values())),
        models=models,
    )


# Values for keys that only change a table's text, and intervals instead of standard deviations.
NOT_DRAWN = {
    **{"caption": "", "label": "none", "wide": False, "intervals": "below"},
    **{"spread": "interval", "competitors": ()},
}


def _drawn(entry: Entry) -> Entry:
    """A table's entry as far as figures depend on it."""
    return entry.model_copy(update=NOT_DRAWN)


def _together(context: TableContext, cut: Sequence[TableContext]) -> TableContext:
    """The part of the context that any of the tables shows."""
    tasks = {task for one in cut for task in one.tasks}
    models = {model for one in cut for model in one.models}
    baselines = {baseline for one in cut for baseline in one.baselines}
    assert context.data is not None, "the study has a source"
    return TableContext(
        # Only notes of tables tell the source.
        data=DataContext(source="", comparable=context.data.comparable),
        tasks={task: one for task, one in context.tasks.items() if task in tasks},
        models={
            name: model.of_tasks(tasks) for name, model in context.models.items() if name in models
        },
        baselines={
            name: tuple(task for task in of_tasks if task in tasks)
            for name, of_tasks in context.baselines.items()
            if name in baselines
        },
        simple={task: names for task, names in context.simple.items() if task in tasks},
    )


def _model(study: Study, name: str) -> FigureModel:
    model = study.model(name)
    sizes = None if model.base is None else study.architecture_row(model.base)
    learned = model if isinstance(model, LearnedModel) else None
    return FigureModel(
        family=learned.method if learned else model.base or name,
        parameters=None if sizes is None else count_base(sizes),
        multiplied=None if sizes is None else count_multiplied(sizes),
        tuned=model.adapter_name(name) is not None,
        trained=model.seeds if model.tuned and model.run else (),
        records_of=_tuned_on(study, learned.train_fraction) if learned else None,
    )


def _tuned_on(study: Study, share: float) -> str | None:
    """A model that was tuned on a share of the training records."""
    found = (
        name
        for name, model in study.local_models.items()
        if model.run and model.training is not None and model.training.train_fraction == share
    )
    return min(found, default=None)


def _table_figures(
    study: Study, entry: Entry, shown: Mapping[str, ModelContext], models: Mapping[str, FigureModel]
) -> TableFigures:
    """What is drawn of a table: where all tuned models differ in the number of their records, only
    that."""
    answering = [name for name, model in shown.items() if model.tasks]
    groups = _by_share(study, answering)
    tuned = {name for name in answering if models[name].tuned}
    only_shares = bool(groups) and tuned <= {name for group in groups for name in group}
    return TableFigures(
        entry=entry.model_dump(mode="json"),
        shares=groups,
        sized=not only_shares and any(models[name].multiplied for name in answering),
        tasks=() if only_shares else shown_tasks(entry),
    )


def shown_tasks(entry: Entry) -> tuple[str, ...]:
    """The columns of a results table. Its kind, like all, is loaded by name."""
    columns: tuple[str, ...] = entry.columns  # type: ignore[attr-defined]
    return columns


def _by_share(study: Study, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Models that differ in nothing but the share of training records, by share in each group."""
    groups: dict[str, dict[float, str]] = {}
    for name in sorted(names):
        model = study.model(name)
        if isinstance(model, LearnedModel) and _tuned_on(study, model.train_fraction):
            groups.setdefault(model.method, {}).setdefault(model.train_fraction, name)
        elif model.training is not None:
            training = model.training.model_copy(update={"train_fraction": 1.0})
            others = model.model_copy(update={"training": training, "seeds": ()})
            same = groups.setdefault(others.model_dump_json(), {})
            same.setdefault(model.training.train_fraction, name)
    found = (tuple(same[share] for share in sorted(same)) for same in groups.values())
    return tuple(group for group in found if len(group) > 1)


# The wildcards of a job, and the jobs of each rule.
Wildcards = Mapping[str, str]
Jobs = Mapping[str, Sequence[Wildcards]]
FilesOf = Callable[[str, Wildcards], Iterable[str]]


def rule_graph(jobs: Jobs, outputs: FilesOf, inputs: FilesOf) -> RuleGraph:
    """The rules that have jobs, and how they depend on each other.

    Args:
        outputs: the files that a job of a rule makes.
        inputs: the files that it reads.
    """
    made = {
        path: rule for rule, each in jobs.items() for one in each for path in outputs(rule, one)
    }
    edges = {
        (made[path], rule)
        for rule, each in jobs.items()
        for one in _covering(each)
        for path in inputs(rule, one)
        if path in made
    }
    return RuleGraph(
        jobs={rule: len(each) for rule, each in jobs.items() if each}, edges=tuple(sorted(edges))
    )


def _covering(jobs: Iterable[Wildcards]) -> Iterator[Wildcards]:
    """Some of the jobs, in which each model, task and so on occurs: what a job reads depends on
    these, and on no two of them together."""
    seen: set[tuple[str, str]] = set()
    for job in jobs:
        if not job or not job.items() <= seen:
            seen |= job.items()
            yield job
