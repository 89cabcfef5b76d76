"""The part of a study's plan that follows scoring: scores over seeds, and comparisons."""

from functools import cached_property

from ecslm.comparisons.results import MANIFEST, comparison_path, differences_path
from ecslm.comparisons.settings import (
    LIBRARIES,
    ComparedModel,
    Contrast,
    DifferencesSettings,
    compared_models,
)
from ecslm.plan.parameters import code_parameter, json_parameter, version_parameter
from ecslm.plan.study import Plan
from ecslm.schemas.paths import outcome_paths, over_seeds_path
from ecslm.scoring.settings import OverSeedsSettings


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

    def metric_modules(self, task: str) -> tuple[str, ...]:
        """Modules that scripts which read outcomes load by name: the metric."""
        return (f"ecslm.scoring.metrics.{self._plan.task(task).metric}",)

    def over_seeds_code(self, task: str) -> str:
        """Digest of its code with the metric of one task."""
        return code_parameter("score_over_seeds.py", *self.metric_modules(task))

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

    def differences(self, task: str) -> str:
        """Path of a task's differences."""
        return self._here(differences_path(task))

    def difference_files(self) -> list[str]:
        """The differences of each evaluated task; none where the study declares no contrast."""
        return [self.differences(task) for task in self._compared_tasks]

    def comparison_files(self) -> list[str]:
        """The comparisons of each of them: the same with adjusted p-values."""
        return [self._here(comparison_path(task)) for task in self._compared_tasks]

    def compared_outcomes(self, task: str) -> list[str]:
        """The outcomes of all models that are compared."""
        return [path for model in self._compared_models for path in self.outcomes(model, task)]

    def differences_settings(self, task: str) -> str:
        """`--settings` of the script that tests differences."""
        plan, declared = self._plan, self._plan.study.comparisons
        assert declared is not None, "only studies with contrasts have differences"
        return json_parameter(
            DifferencesSettings(
                metric=plan.task(task).metric,
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

    def differences_code(self, task: str) -> str:
        """Digest of its code with the metric of one task."""
        return code_parameter("differences.py", *self.metric_modules(task))

    def differences_versions(self) -> str:
        """Locked versions of the libraries that can change a difference."""
        return version_parameter(LIBRARIES)

    @property
    def _compared_tasks(self) -> tuple[str, ...]:
        return self._plan.test_tasks if self.contrasts else ()

    @cached_property
    def _compared_models(self) -> tuple[str, ...]:
        named = (name for contrast in self.contrasts.values() for name in compared_models(contrast))
        return tuple(sorted(set(named)))

    def _here(self, path: str) -> str:
        return f"{self._plan.results}/{path}"
