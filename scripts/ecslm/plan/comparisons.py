"""The contrasts of a study: what is left of each in a task, and the settings of their tests."""

from functools import cache

from ecslm.comparisons.settings import (
    BEST_SIMPLE,
    PERMUTATIONS_OF_TEST,
    ComparedModel,
    Contrast,
    DifferencesSettings,
    ModelsContrast,
    compared_models,
    names_best_simple,
)
from ecslm.plan.study import Study


def differences_settings(study: Study, task: str) -> DifferencesSettings:
    """The contrasts of a task, and how their differences are tested."""
    declared = study.settings.comparisons
    assert declared is not None, "only studies with contrasts have differences"
    # Of the largest contrast, if all its tasks have all its settings.
    most_tests = max(
        len(one.pairs)
        * len(one.settings if isinstance(one, ModelsContrast) else one.models)
        * sum(name in task_contrasts(study, task) for task in study.test_tasks)
        for name, one in declared.contrasts.items()
    )
    return DifferencesSettings(
        metric=study.task(task).metric,
        models={
            name: ComparedModel(seeds=study.seeds_of(name), shots=study.shots_of(name))
            for name in compared_rows(study, task)
        },
        # Titles are shown in tables only.
        contrasts={
            name: contrast.model_copy(update={"title": ""})
            for name, contrast in task_contrasts(study, task).items()
        },
        **study.settings.scoring.model_dump(),
        permutations=max(declared.permutations, PERMUTATIONS_OF_TEST * most_tests),
    )


def compared_rows(study: Study, task: str) -> tuple[str, ...]:
    """The rows that contrasts of a task name, and those among which the best is chosen."""
    names = {name for one in task_contrasts(study, task).values() for name in compared_models(one)}
    if takes_best_baseline(study, task):
        names = names - {BEST_SIMPLE} | set(study.simple_baselines(task))
    return tuple(sorted(names))


def takes_best_baseline(study: Study, task: str) -> bool:
    """Whether a contrast of a task names the best simple baseline."""
    return names_best_simple(task_contrasts(study, task).values())


def contrasts(study: Study) -> dict[str, Contrast]:
    """The contrasts that the study declares, by name."""
    declared = study.settings.comparisons
    return {} if declared is None else declared.contrasts


@cache
def task_contrasts(study: Study, task: str) -> dict[str, Contrast]:
    """What is left of the contrasts in a task: without the rows that do not answer it."""
    answering = {name for name in study.settings.models if task in study.model_tasks(name)}
    answering |= {name for name in study.settings.baselines if task in study.baseline_tasks(name)}
    if study.simple_baselines(task):
        answering.add(BEST_SIMPLE)
    found: dict[str, Contrast] = {}
    for name, one in contrasts(study).items():
        left: dict[str, tuple[object, ...]]
        if isinstance(one, ModelsContrast):
            left = {"pairs": tuple(pair for pair in one.pairs if answering.issuperset(pair))}
        else:
            left = {"models": tuple(model for model in one.models if model in answering)}
        found |= {name: one.model_copy(update=left)} if any(left.values()) else {}
    return found
