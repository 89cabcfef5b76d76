"""The jobs that score: models, trivial baselines, models over their seeds; and the one that chooses
a simple baseline."""

from collections.abc import Iterator, Mapping

from ecslm.comparisons.choosing_settings import LIBRARIES as CHOOSING
from ecslm.comparisons.choosing_settings import ChooseSettings
from ecslm.config.backends.learned import LearnedModel
from ecslm.plan.keys import ModelTaskKey, RunKey, TaskKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.schemas import paths
from ecslm.scoring.baselines import applicable
from ecslm.scoring.modules import metric_module, task_modules
from ecslm.scoring.settings import LIBRARIES, OverSeedsSettings, ScriptSettings


class _ScoreRule(Rule[RunKey]):
    """Common part of the two rules that score answers to one task."""

    key_type = RunKey
    outputs = path_patterns(
        metrics=paths.METRICS, records=paths.OUTCOMES, manifest=paths.METRICS_MANIFEST
    )
    libraries = LIBRARIES
    cheap = True

    def settings(self, key: RunKey) -> ScriptSettings:
        """How the task is scored."""
        return ScriptSettings(
            task=self.study.task(key.task).kind(), scoring=self.study.settings.scoring
        )

    def modules(self, key: RunKey) -> tuple[str, ...]:
        """The answer and the metric of the task."""
        return task_modules(self.study.task(key.task))


class Score(_ScoreRule):
    """The score of one model and seed in one task."""

    name, script = "score", "score.py"

    def all_keys(self) -> Iterator[RunKey]:
        """All runs."""
        return self.study.runs()

    def inputs(self, key: RunKey) -> Mapping[str, Files]:
        """The answers, and the BERTScores of a generation task."""
        names = {"model": key.model, "seed": key.seed, "task": key.task}
        generates = self.study.is_generation(key.task)
        return {
            "predictions": self.study.path(paths.PREDICTIONS, **names),
            "bertscore": self.study.path(paths.BERTSCORE, **names) if generates else (),
        }


class ScoreBaseline(_ScoreRule):
    """The score of a trivial baseline in one task; its only seed is 0."""

    name, script = "score_baseline", "score_baseline.py"

    def all_keys(self) -> Iterator[RunKey]:
        """The tasks that each baseline is defined for."""
        for baseline in self.study.settings.baselines:
            for task in self.study.baseline_tasks(baseline):
                yield RunKey(baseline, "0", task)

    def inputs(self, key: RunKey) -> Mapping[str, Files]:
        """The test records; for the majority class the training records too."""
        train = self.study.dataset_file(key.task, "train") if key.model == "majority" else ()
        return {"test": self.study.dataset_file(key.task, "test"), "train": train}


class ScoreOverSeeds(Rule[ModelTaskKey]):
    """The score of one model in one task over its seeds."""

    name, script, key_type = "score_over_seeds", "score_over_seeds.py", ModelTaskKey
    outputs = path_patterns(metrics=paths.OVER_SEEDS, manifest=paths.OVER_SEEDS_MANIFEST)
    libraries = LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[ModelTaskKey]:
        """The evaluated tasks of models that have several seeds."""
        for name, model in self.study.settings.models.items():
            if len(model.seeds) > 1:
                yield from (ModelTaskKey(name, task) for task in self.study.model_tasks(name))

    def inputs(self, key: ModelTaskKey) -> Mapping[str, Files]:
        """The outcomes of all seeds."""
        return {"records": self.study.outcome_files(key.model, key.task)}

    def settings(self, key: ModelTaskKey) -> OverSeedsSettings:
        """The metric, and how its uncertainty is found."""
        metric, scoring = self.study.task(key.task).metric, self.study.settings.scoring
        return OverSeedsSettings(metric=metric, scoring=scoring)

    def modules(self, key: ModelTaskKey) -> tuple[str, ...]:
        """The metric of the task."""
        return (metric_module(self.study.task(key.task).metric),)


class ChooseBaseline(Rule[TaskKey]):
    """The best simple baseline of one task, chosen without its test records."""

    name, script, key_type = "choose_baseline", "choose_baseline.py", TaskKey
    outputs = path_patterns(chosen=paths.SIMPLE_BASELINES, manifest=paths.SIMPLE_BASELINES_MANIFEST)
    libraries = CHOOSING
    cheap = True

    def all_keys(self) -> Iterator[TaskKey]:
        """The tasks that have such baselines."""
        yield from map(TaskKey, filter(self.study.simple_baselines, self.study.test_tasks))

    def inputs(self, key: TaskKey) -> Mapping[str, Files]:
        """The records for training and validation."""
        return {split: self.study.dataset_file(key.task, split) for split in ("train", "val")}

    def settings(self, key: TaskKey) -> ChooseSettings:
        """The task, and its baselines."""
        study, kind = self.study, self.study.task(key.task).kind()
        models = study.settings.models
        names = study.simple_baselines(key.task)
        return ChooseSettings(
            task=kind,
            trivial=tuple(name for name in applicable(kind) if name in names),
            learned={
                name: model.prediction(study.decoding(key.task), 0, (), kind)
                for name, model in models.items()
                if isinstance(model, LearnedModel) and name in names
            },
        )

    def modules(self, key: TaskKey) -> tuple[str, ...]:
        """The answer and the metric of the task."""
        return task_modules(self.study.task(key.task))


RULES = (Score, ScoreBaseline, ScoreOverSeeds, ChooseBaseline)
