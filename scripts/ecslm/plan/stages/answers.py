"""The job that fetches published answers."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from ecslm.config.backends.recorded import RecordedModel
from ecslm.plan.keys import StudyKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.prediction.published_answers import AnswersOfTask, FetchSettings
from ecslm.schemas import paths


class FetchAnswers(Rule[StudyKey]):
    """The published answers of all models that have them, in one download."""

    name, script, key_type = "fetch_answers", "fetch_answers.py", StudyKey
    outputs = path_patterns(answers=paths.ANSWERS, manifest=paths.ANSWERS_MANIFEST)

    def all_keys(self) -> Iterator[StudyKey]:
        """One job, if the study has such models."""
        if self._answers:
            yield StudyKey()

    @cached_property
    def patterns(self) -> Mapping[str, Files]:
        """A file for each model and task."""
        study = self.study
        files = (study.path(paths.ANSWERS, model=one.model, task=one.task) for one in self._answers)
        return {"answers": tuple(files), "manifest": study.path(paths.ANSWERS_MANIFEST)}

    def settings(self, _key: StudyKey) -> FetchSettings:
        """The commit, and what to take of it; not where the archive is."""
        source = self.study.settings.answers
        assert source is not None, "the configuration requires it of models with published answers"
        return FetchSettings(commit=source.commit, folder=source.folder, answers=self._answers)

    @cached_property
    def _answers(self) -> tuple[AnswersOfTask, ...]:
        study = self.study
        # Two rows, with and without an example, may have the same answers.
        wanted: dict[tuple[str, str], set[str]] = {}
        for name, model in study.settings.models.items():
            if isinstance(model, RecordedModel) and model.published is not None:
                for task in study.model_tasks(name):
                    settings = wanted.setdefault((model.published, task), set())
                    settings.update(study.answered_settings(name, task))
        return tuple(
            AnswersOfTask(
                model=model, task=task, names=study.task_names(task), settings=tuple(sorted(found))
            )
            for (model, task), found in sorted(wanted.items())
        )


RULES = (FetchAnswers,)
