"""The jobs that score: models, trivial baselines, models over their seeds."""

from collections.abc import Iterator, Mapping

from ecslm.plan.keys import OfModelTask, OfRun
from ecslm.plan.rules import Files, Rule, named
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.scoring.settings import LIBRARIES, OverSeedsSettings, ScriptSettings


class _ScoreRule(Rule[OfRun]):
    """Common part of the two rules that score answers to one task."""

    key = OfRun
    outputs = named(metrics=paths.METRICS, records=paths.OUTCOMES, manifest=paths.METRICS_MANIFEST)
    targets = ("metrics",)
    libraries = LIBRARIES

    def settings(self, of: OfRun) -> ScriptSettings:
        """How the task is scored."""
        return ScriptSettings(
            task=self.study.task(of.task).kind(), scoring=self.study.settings.scoring
        )

    def modules(self, of: OfRun) -> tuple[str, ...]:
        """The answer and the metric of the task."""
        answer = f"ecslm.scoring.answers.{self.study.task(of.task).answer}"
        return (answer, *metric_modules(self.study, of.task))


class Score(_ScoreRule):
    """The score of one model and seed in one task."""

    name, script = "score", "score.py"

    def each(self) -> Iterator[OfRun]:
        """All runs."""
        return self.study.runs()

    def inputs(self, of: OfRun) -> Mapping[str, Files]:
        """The answers, and the BERTScores of a generation task."""
        names = {"model": of.model, "seed": of.seed, "task": of.task}
        generates = self.study.is_generation(of.task)
        return {
            "predictions": self.study.path(paths.PREDICTIONS, **names),
            "bertscore": self.study.path(paths.BERTSCORE, **names) if generates else (),
        }


class ScoreBaseline(_ScoreRule):
    """The score of a trivial baseline in one task; its only seed is 0."""

    name, script = "score_baseline", "score_baseline.py"

    def each(self) -> Iterator[OfRun]:
        """The tasks that each baseline is defined for."""
        for baseline in self.study.settings.baselines:
            for task in self.study.baseline_tasks(baseline):
                yield OfRun(baseline, "0", task)

    def inputs(self, of: OfRun) -> Mapping[str, Files]:
        """The test records; for the majority class the training records too."""
        train = self.study.dataset_file(of.task, "train") if of.model == "majority" else ()
        return {"test": self.study.dataset_file(of.task, "test"), "train": train}


class ScoreOverSeeds(Rule[OfModelTask]):
    """The score of one model in one task over its seeds."""

    name, script, key = "score_over_seeds", "score_over_seeds.py", OfModelTask
    outputs = named(metrics=paths.OVER_SEEDS, manifest=paths.OVER_SEEDS_MANIFEST)
    targets = ("metrics",)
    libraries = LIBRARIES

    def each(self) -> Iterator[OfModelTask]:
        """The evaluated tasks of models that have several seeds."""
        for name, model in self.study.settings.models.items():
            if len(model.seeds) > 1:
                yield from (OfModelTask(name, task) for task in self.study.test_tasks)

    def inputs(self, of: OfModelTask) -> Mapping[str, Files]:
        """The outcomes of all seeds."""
        return {"records": self.study.outcome_files(of.model, of.task)}

    def settings(self, of: OfModelTask) -> OverSeedsSettings:
        """The metric, and how its uncertainty is found."""
        metric, scoring = self.study.task(of.task).metric, self.study.settings.scoring
        return OverSeedsSettings(metric=metric, scoring=scoring)

    def modules(self, of: OfModelTask) -> tuple[str, ...]:
        """The metric of the task."""
        return metric_modules(self.study, of.task)


def metric_modules(study: Study, task: str) -> tuple[str, ...]:
    """The module of the task's metric, which scripts load by name."""
    return (f"ecslm.scoring.metrics.{study.task(task).metric}",)


RULES = (Score, ScoreBaseline, ScoreOverSeeds)
