"""What the figures of a study show, and the graph of its rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from ecslm.config.backends.learned import LearnedModel
from ecslm.figures.settings import FiguresSettings, RuleGraph, TableFigures
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, table_context
from ecslm.tables.kinds.results import ResultsEntry

# Values for keys that only change a table's text, and intervals instead of standard deviations.
NOT_DRAWN = {
    **{"caption": "", "label": "none", "wide": False, "intervals": "below"},
    **{"spread": "interval", "competitors": ()},
}


@cache
def figures_settings(study: Study) -> FiguresSettings:
    """What figures show of a study."""
    entries = in_report_order(study).items()
    return FiguresSettings(
        tables={
            name: _table_figures(study, one)
            for name, one in entries
            if isinstance(one, ResultsEntry)
        },
        context=table_context(study),
    )


def _table_figures(study: Study, entry: ResultsEntry) -> TableFigures:
    """What is drawn of a results table: where all tuned models differ in the number of their
    records, only that."""
    models = table_context(study).models
    answering = [
        name for name in entry.models if set(study.model_tasks(name)).intersection(entry.columns)
    ]
    groups = _by_share(study, answering)
    tuned = {name for name in answering if models[name].tuned}
    only_shares = bool(groups) and tuned <= {name for group in groups for name in group}
    return TableFigures(
        entry=entry.model_copy(update=NOT_DRAWN).model_dump(mode="json"),
        shares=groups,
        sized=not only_shares and any(models[name].multiplied for name in answering),
        tasks=() if only_shares else entry.columns,
    )


def _by_share(study: Study, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Models that differ in nothing but the share of training records, by share in each group."""
    groups: dict[str, dict[float, str]] = {}
    for name in sorted(names):
        model = study.model(name)
        if isinstance(model, LearnedModel) and table_context(study).models[name].records_of:
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
