"""The jobs that compare the study's own scores."""

import logging
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from ecslm.comparisons.settings import (
    BEST_SIMPLE,
    LIBRARIES,
    PERMUTATIONS_OF_TEST,
    ComparedModel,
    Contrast,
    DifferencesSettings,
    ModelsContrast,
    compared_models,
    names_best_simple,
)
from ecslm.plan.keys import StudyKey, TaskKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.scoring.modules import metric_module

log = logging.getLogger(__name__)


class Differences(Rule[TaskKey]):
    """The tests of differences in one task."""

    name, script, key_type = "differences", "differences.py", TaskKey
    outputs = path_patterns(differences=paths.DIFFERENCES, manifest=paths.DIFFERENCES_MANIFEST)
    libraries = LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[TaskKey]:
        """The evaluated tasks in which a contrast of the study compares something."""
        yield from map(TaskKey, compared_tasks(self.study))

    def inputs(self, key: TaskKey) -> Mapping[str, Files]:
        """The outcomes of all rows that are or may be compared, and which is the best baseline."""
        study = self.study
        outcomes = (study.outcome_files(name, key.task) for name in self._rows(key.task))
        best = names_best_simple(task_contrasts(study, key.task).values())
        return {
            "records": tuple(path for files in outcomes for path in files),
            "chosen": study.path(paths.SIMPLE_BASELINES, task=key.task) if best else (),
        }

    def settings(self, key: TaskKey) -> DifferencesSettings:
        """The contrasts, and how their differences are tested."""
        study, declared = self.study, self.study.settings.comparisons
        assert declared is not None, "only studies with contrasts have differences"
        return DifferencesSettings(
            metric=study.task(key.task).metric,
            models={
                name: ComparedModel(seeds=study.seeds_of(name), shots=study.shots_of(name))
                for name in self._rows(key.task)
            },
            # Titles are shown in tables only.
            contrasts={
                name: contrast.model_copy(update={"title": ""})
                for name, contrast in task_contrasts(study, key.task).items()
            },
            resamples=study.settings.scoring.resamples,
            seed=study.settings.scoring.seed,
            permutations=max(declared.permutations, PERMUTATIONS_OF_TEST * most_tests(study)),
        )

    def modules(self, key: TaskKey) -> tuple[str, ...]:
        """The metric of the task."""
        return (metric_module(self.study.task(key.task).metric),)

    def _rows(self, task: str) -> tuple[str, ...]:
        """The rows that contrasts name, and those among which the best is chosen."""
        declared = task_contrasts(self.study, task).values()
        names = {name for one in declared for name in compared_models(one)}
        if names_best_simple(declared):
            names = names - {BEST_SIMPLE} | set(self.study.simple_baselines(task))
        return tuple(sorted(names))


class Compare(Rule[StudyKey]):
    """Holm's adjustment over all tests of a contrast, of all tasks."""

    name, script, key_type = "compare", "compare.py", StudyKey
    outputs = path_patterns(comparisons=paths.COMPARISONS, manifest=paths.COMPARISONS_MANIFEST)
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job, where anything is compared."""
        if compared_tasks(self.study):
            yield StudyKey()

    @cached_property
    def patterns(self) -> Mapping[str, Files]:
        """A file for each task."""
        study = self.study
        files = (study.path(paths.COMPARISONS, task=task) for task in compared_tasks(study))
        return {"comparisons": tuple(files), "manifest": study.path(paths.COMPARISONS_MANIFEST)}

    def inputs(self, _key: StudyKey) -> Mapping[str, Files]:
        """The differences of all tasks."""
        study = self.study
        files = (study.path(paths.DIFFERENCES, task=task) for task in compared_tasks(study))
        return {"differences": tuple(files)}


def contrasts(study: Study) -> dict[str, Contrast]:
    """The contrasts that the study declares, by name."""
    declared = study.settings.comparisons
    return {} if declared is None else declared.contrasts


def most_tests(study: Study) -> int:
    """The tests of the largest contrast, if no task lacks any."""
    sizes = dict.fromkeys(contrasts(study), 0)
    for task in study.test_tasks:
        evaluated = study.evaluated_settings(task, "test")
        for name, one in task_contrasts(study, task).items():
            several = one.settings if isinstance(one, ModelsContrast) else one.models
            if isinstance(one, ModelsContrast):
                several = tuple(setting for setting in several if setting in evaluated)
            sizes[name] += len(one.pairs) * len(several)
    return max(sizes.values(), default=0)


def compared_tasks(study: Study) -> tuple[str, ...]:
    """The tasks whose scores are compared."""
    return tuple(task for task in study.test_tasks if task_contrasts(study, task))


def contrast_tasks(study: Study, contrast: str) -> tuple[str, ...]:
    """The tasks in which a contrast compares something."""
    return tuple(task for task in study.test_tasks if contrast in task_contrasts(study, task))


def warn_of_idle_contrasts(study: Study) -> None:
    """Say which contrasts are left out."""
    for name in contrasts(study):
        if not contrast_tasks(study, name):
            log.warning(
                "warning: studies.%s.comparisons.contrasts.%s: compares nothing, since its models "
                "are not run or answer no task together: left out",
                study.name,
                name,
            )


def task_contrasts(study: Study, task: str) -> dict[str, Contrast]:
    """What is left of the contrasts in a task: without the rows that do not answer it."""
    answering = {name for name in study.settings.models if task in study.model_tasks(name)}
    answering |= {name for name in study.settings.baselines if task in study.baseline_tasks(name)}
    if study.simple_baselines(task):
        answering.add(BEST_SIMPLE)
    cut = {name: _among(contrast, answering) for name, contrast in contrasts(study).items()}
    return {name: contrast for name, contrast in cut.items() if contrast is not None}


def _among(contrast: Contrast, models: Collection[str]) -> Contrast | None:
    if isinstance(contrast, ModelsContrast):
        pairs = tuple(pair for pair in contrast.pairs if set(pair) <= set(models))
        return contrast.model_copy(update={"pairs": pairs}) if pairs else None
    answering = tuple(name for name in contrast.models if name in models)
    return contrast.model_copy(update={"models": answering}) if answering else None


RULES = (Differences, Compare)
