"""The tidy tables of a study: what each job that writes one needs to know."""

from functools import cache
from typing import Any

from ecslm.plan.study import Study
from ecslm.plan.tables import study_context
from ecslm.tables.kinds.cost import CostEntry
from ecslm.tidy.rows import TidySettings
from ecslm.tidy.study import StudyContext


def part_of(context: StudyContext, **parts: Any) -> StudyContext:
    """What a job shows of a study: a title that is not drawn, for example, changes no figure."""
    return StudyContext.model_validate(context.model_dump(include=parts))


@cache
def scores_settings(study: Study) -> TidySettings:
    """The models and baselines that have scores, and the names of metrics."""
    parts = {"baselines": True, "simple": True, "tasks": {"__all__": {"title", "metric"}}}
    return _tidy(study, "kind", "base", "adapter_of", **parts)


@cache
def costs_settings(study: Study) -> TidySettings:
    """The models that cost something."""
    tables = study.settings.tables.values()
    costs = [entry for entry in tables if isinstance(entry, CostEntry)]
    timed = tuple(sorted({name for entry in costs for name in entry.latency}))
    return _tidy(study, "adapter_of").model_copy(update={"timed": timed})


@cache
def records_settings(study: Study) -> TidySettings:
    """The models that answer test records, and how good an answer is."""
    metrics = {task: study.task(task).metric for task in study.test_tasks}
    return _tidy(study, "kind").model_copy(update={"metrics": metrics})


def _tidy(study: Study, *of_models: str, **parts: Any) -> TidySettings:
    """Of models their seeds and tasks, and what else is named."""
    models = {"__all__": {"seeds", "tasks", *of_models}}
    return TidySettings(
        study=study.name, context=part_of(study_context(study), models=models, **parts)
    )
