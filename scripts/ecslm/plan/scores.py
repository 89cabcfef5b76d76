"""The settings of jobs that score answers, choose simple baselines, and gather all scores."""

from functools import cache

from ecslm.comparisons.choosing_settings import ChooseSettings
from ecslm.config.backends.learned import LearnedModel
from ecslm.exports.score_rows import ModelKind, ScoredModel, ScoreRowsSettings
from ecslm.plan.study import Study
from ecslm.scoring.baselines import applicable
from ecslm.scoring.settings import OverSeedsSettings, ScriptSettings


def score_settings(study: Study, task: str) -> ScriptSettings:
    """How a task is scored."""
    return ScriptSettings(task=study.task(task).kind(), scoring=study.settings.scoring)


def over_seeds_settings(study: Study, task: str) -> OverSeedsSettings:
    """The metric of a task, and how its uncertainty is found."""
    return OverSeedsSettings(metric=study.task(task).metric, scoring=study.settings.scoring)


def choose_settings(study: Study, task: str) -> ChooseSettings:
    """A task, and the simple baselines among which one is chosen."""
    entry, names = study.task(task), study.simple_baselines(task)
    kind = entry.kind()
    return ChooseSettings(
        task=kind,
        trivial=tuple(name for name in applicable(kind) if name in names),
        learned={
            name: model.prediction(study.decoding(task), 0, (), entry)
            for name, model in study.settings.models.items()
            if isinstance(model, LearnedModel) and name in names
        },
    )


@cache
def score_rows_settings(study: Study) -> ScoreRowsSettings:
    """The models and baselines that have scores."""
    return ScoreRowsSettings(
        study=study.name,
        models={
            name: ScoredModel(
                kind=_kind(study, name),
                base=model.base,
                adapter=model.adapter_name(name),
                seeds=model.seeds,
                tasks=tasks,
            )
            for name, model in study.settings.models.items()
            if (tasks := study.model_tasks(name))
        },
        baselines={name: study.baseline_tasks(name) for name in study.settings.baselines},
    )


def _kind(study: Study, name: str) -> ModelKind:
    model = study.model(name)
    if model.backend != "transformers":
        return model.backend
    return "untuned" if model.adapter_name(name) is None else "tuned"
