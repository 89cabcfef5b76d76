"""The part of a study's plan that follows scoring: scores over seeds, and comparisons."""

from functools import cached_property

from ecslm.comparisons.results import MANIFEST, comparison_path
from ecslm.comparisons.settings import (
    LIBRARIES,
    ComparedModel,
    CompareSettings,
    Contrast,
    compared_models,
)
from ecslm.over_seeds import OverSeedsSettings
from ecslm.parameters import code_parameter, json_parameter, version_parameter
from ecslm.plan import Plan
from ecslm.score_paths import outcome_paths, over_seeds_path


class ComparisonPlan:
    """Files and parameters of the jobs that read outcomes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    # Scores over seeds

    def over_seeds(self, model: str, task: str) -> str:
        """Path of a model's score over its seeds."""
        return self._here(over_seeds_path(model, task))

    def over_seeds_files(self) -> list[str]:
        """All scores over seeds: those of models that have several."""
        return [
            self.over_seeds(name, task)
            for name, model in self._plan.study.models.items()
            if len(model.seeds) > 1
            for task in self._plan.test_tasks
        ]

    def outcomes(self, model: str, task: str) -> list[str]:
        """The outcomes of all seeds of a model."""
        seeds = self._plan.model(model).seeds
        return [self._here(path) for path in outcome_paths(model, seeds, task)]

    def over_seeds_settings(self, task: str) -> str:
        """`--settings` of the script that scores over seeds."""
        return json_parameter(
            OverSeedsSettings(metric=self._plan.task(task).metric, scoring=self._plan.study.scoring)
        )

    def over_seeds_modules(self, task: str) -> tuple[str, ...]:
        """Modules that it loads by name: the metric."""
        return (f"ecslm.metrics.{self._plan.task(task).metric}",)

    def over_seeds_code(self, task: str) -> str:
        """Digest of its code with the metric of one task."""
        return code_parameter("score_seeds.py", *self.over_seeds_modules(task))

    # Comparisons

    @cached_property
    def contrasts(self) -> dict[str, Contrast]:
        """The contrasts that the study declares, by name."""
        declared = self._plan.study.comparisons
        return {} if declared is None else declared.contrasts

    @property
    def manifest(self) -> str:
        """The manifest of all comparisons."""
        return self._here(MANIFEST)

    def comparison_files(self) -> list[str]:
        """The comparisons of each evaluated task; none where the study declares no contrast."""
        tasks = self._plan.test_tasks if self.contrasts else ()
        return [self._here(comparison_path(task)) for task in tasks]

    def compared_outcomes(self) -> list[str]:
        """The outcomes of all models that are compared."""
        return [
            path
            for task in self._plan.test_tasks
            for model in self._compared_models
            for path in self.outcomes(model, task)
        ]

    def compare_settings(self) -> str:
        """`--settings` of the script that compares; nothing where there is nothing to compare."""
        plan, declared = self._plan, self._plan.study.comparisons
        if declared is None:
            return ""
        return json_parameter(
            CompareSettings(
                tasks={task: plan.task(task).metric for task in plan.test_tasks},
                models={
                    name: ComparedModel(seeds=plan.model(name).seeds, shots=plan.model(name).shots)
                    for name in self._compared_models
                },
                # Titles are for tables.
                contrasts={
                    name: contrast.model_copy(update={"title": ""})
                    for name, contrast in self.contrasts.items()
                },
                resamples=plan.study.scoring.resamples,
                seed=plan.study.scoring.seed,
                permutations=declared.permutations,
            )
        )

    def compare_modules(self) -> tuple[str, ...]:
        """Modules that it loads by name: the metrics of all tasks."""
        metrics = {self._plan.task(task).metric for task in self._plan.test_tasks}
        return tuple(f"ecslm.metrics.{metric}" for metric in sorted(metrics))

    def compare_code(self) -> str:
        """Digest of its code with the metrics of all tasks."""
        return code_parameter("compare.py", *self.compare_modules())

    def compare_versions(self) -> str:
        """Locked versions of the libraries that can change a comparison."""
        return version_parameter(LIBRARIES)

    @cached_property
    def _compared_models(self) -> tuple[str, ...]:
        named = (name for contrast in self.contrasts.values() for name in compared_models(contrast))
        return tuple(sorted(set(named)))

    def _here(self, path: str) -> str:
        return f"{self._plan.results}/{path}"
