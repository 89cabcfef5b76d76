"""The tables of a study: a report has the scores of all models, whatever is configured."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from typing import Any

from ecslm.config.names import name_like
from ecslm.plan.study import Study
from ecslm.schemas.task import EXAMPLE, answered_setting
from ecslm.tables.kind import table_kind
from ecslm.tables.references import names_in
from ecslm.tables.settings import Entry

KIND = "results"
LABEL = "tab:"
# With more columns a table takes the whole width of a page.
MOST_NARROW = 3
# By model, the tasks whose scores a table shows or lacks.
Shown = dict[str, frozenset[str]]


@cache
def study_tables(study: Study) -> Mapping[str, Entry]:
    """The tables of a study by name: those of the configuration, and of all other scores."""
    return {**study.settings.tables, **score_tables(study)}


def score_tables(study: Study) -> dict[str, Entry]:
    """A results table for each setting, by name, of the models and tasks that no results table of
    the configuration shows in any setting, beside all trivial baselines."""
    declared = study.settings.tables
    shown = [_shown(study, entry) for entry in declared.values()]
    missing = {
        name: frozenset(study.model_tasks(name)).difference(*(one.get(name, ()) for one in shown))
        for name in sorted(study.settings.models)
    }
    # A table's label is that of its name.
    taken = {*declared, *(entry.label.removeprefix(LABEL) for entry in declared.values())}
    found: dict[str, Entry] = {}
    for setting in _settings(study):
        models = {
            name: left
            for name, tasks in missing.items()
            if (left := _answered(study, name, tasks, setting))
        }
        if models:
            # A setting is called as the data call it, which may be no name of a file.
            name = name_like(f"scores_{setting}", {*taken, *found}, otherwise="scores")
            found[name] = _entry(study, name, setting, models)
    return found


def partly_shown(study: Study) -> tuple[str, ...]:
    """The settings of which some model's score of some task is in no table, sorted."""
    shown: set[tuple[str, str, str]] = set()
    for entry in study_tables(study).values():
        named: dict[str, set[str]] = {"models": set(), "tasks": set(), "settings": set()}
        for one in names_in(entry.model_dump(), type(entry)):
            if one.reference.part in named:
                named[one.reference.part].add(one.name)
        shown |= {*product(named["models"], named["tasks"], named["settings"])}
    return tuple(
        setting
        for setting in _settings(study)
        if any(
            (model, task, setting) not in shown
            for model in study.settings.models
            for task in _answered(study, model, study.model_tasks(model), setting)
        )
    )


def _settings(study: Study) -> list[str]:
    """The settings that tables are of: the answers to prompts with an example are in those
    without."""
    return sorted({setting.removesuffix(EXAMPLE) for setting in study.settings.settings})


def _answered(study: Study, model: str, tasks: Iterable[str], setting: str) -> frozenset[str]:
    """The tasks, of those given, that a model answers in a setting with its number of examples."""
    own = answered_setting(setting, study.model(model).shots)
    return frozenset(task for task in tasks if own in study.answered_settings(model, task))


def _shown(study: Study, entry: Any) -> Shown:
    """The models of a results table, each with the columns that it has an answer to."""
    if entry.kind != KIND:
        return {}
    rows = ((*group.models, *sum(group.best_of.values(), ())) for group in entry.rows)
    return {
        name: _answered(study, name, entry.columns, entry.setting)
        for names in rows
        for name in names
    }


def _entry(study: Study, name: str, setting: str, models: Shown) -> Entry:
    tasks = sorted({task for tasks in models.values() for task in tasks})
    trivial = [
        name
        for name in sorted(study.settings.baselines)
        if set(tasks).intersection(study.baseline_tasks(name))
    ]
    rows = [{"group": "Trivial", "baselines": trivial}] if trivial else []
    title = study.config.setting_titles.get(setting, setting)
    free = [name for name in models if study.settings.models[name].limits() is None]
    entry: Entry = table_kind(KIND).entry(
        kind=KIND,
        label=f"{LABEL}{name}",
        caption=f"Scores, {title}",
        wide=len(tasks) > MOST_NARROW,
        setting=setting,
        columns=tasks,
        rows=[*rows, {"group": "Models", "models": list(models)}],
        competitors=free if len(free) > 1 else [],
    )
    return entry
