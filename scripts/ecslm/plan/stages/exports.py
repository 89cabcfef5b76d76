"""The jobs that make what a user takes home: scores as tidy rows, tuned models as folders."""

from collections.abc import Iterator, Mapping

from ecslm.exports.score_rows import LIBRARIES as ROW_LIBRARIES
from ecslm.exports.score_rows import ModelKind, ScoredModel, ScoreRowsSettings, score_files
from ecslm.plan.keys import StudyKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.schemas import paths


class TidyScores(Rule[StudyKey]):
    """All scores of the study as tidy rows."""

    name, script, key_type = "tidy_scores", "tidy_scores.py", StudyKey
    outputs = path_patterns(
        csv=paths.SCORES_CSV, parquet=paths.SCORES_PARQUET, manifest=paths.SCORES_MANIFEST
    )
    targets = ("csv", "parquet")
    libraries = ROW_LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def inputs(self, key: StudyKey) -> Mapping[str, Files]:
        """Scores, answers, whose tokens are counted, and the manifests of adapters."""
        files = score_files(self.settings(key))
        return {"results": tuple(f"{self.study.results}/{path}" for path in files)}

    def settings(self, _key: StudyKey) -> ScoreRowsSettings:
        """The models and baselines that have scores."""
        study = self.study
        answering = {name: study.model_tasks(name) for name in study.settings.models}
        return ScoreRowsSettings(
            study=study.name,
            models={
                name: ScoredModel(
                    kind=self._kind(name),
                    base=study.model(name).base,
                    adapter=study.model(name).adapter_name(name),
                    seeds=study.model(name).seeds,
                    tasks=tasks,
                )
                for name, tasks in answering.items()
                if tasks
            },
            baselines={name: study.baseline_tasks(name) for name in study.settings.baselines},
        )

    def _kind(self, name: str) -> ModelKind:
        model = self.study.model(name)
        if model.backend != "transformers":
            return model.backend
        return "untuned" if model.adapter_name(name) is None else "tuned"


RULES = (TidyScores,)
