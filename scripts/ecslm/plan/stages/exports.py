"""The jobs that make what a user takes home: scores as tidy rows, tuned models as folders."""

from collections.abc import Iterator, Mapping

from ecslm.config.backends.transformers import TransformersModel
from ecslm.data.settings import HubData
from ecslm.estimates.estimate import Request
from ecslm.exports.card_settings import LIBRARIES as CARD_LIBRARIES
from ecslm.exports.card_settings import CardTask, ModelCardSettings, card_files, card_modules
from ecslm.exports.score_rows import LIBRARIES as ROW_LIBRARIES
from ecslm.exports.score_rows import ModelKind, ScoredModel, ScoreRowsSettings, score_files
from ecslm.exports.settings import ExportSettings
from ecslm.models.manifests import RunManifest
from ecslm.plan.keys import ModelKey, StudyKey
from ecslm.plan.requests import requests_of
from ecslm.plan.rules import Files, ModelRule, Rule, path_patterns
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas import paths


class TidyScores(Rule[StudyKey]):
    """All scores of the study as tidy rows."""

    name, script, key_type = "tidy_scores", "tidy_scores.py", StudyKey
    outputs = path_patterns(
        csv=paths.SCORES_CSV, parquet=paths.SCORES_PARQUET, manifest=paths.SCORES_MANIFEST
    )
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


class _OfExport(Rule[ModelKey]):
    """Common part of the rules that make the folder of an exported model."""

    key_type = ModelKey

    def all_keys(self) -> Iterator[ModelKey]:
        """The exported models."""
        yield from map(ModelKey, exported_models(self.study))

    def _adapter(self, key: ModelKey) -> str:
        return self.study.path(
            paths.ADAPTER, model=key.model, seed=self.study.first_seed(key.model)
        )


class ExportModel(_OfExport, ModelRule[ModelKey]):
    """A tuned model, merged into its base: a folder that other programs load."""

    name, script = "export_model", "export.py"
    outputs = path_patterns(
        weights=paths.EXPORT_WEIGHTS,
        config=paths.EXPORT_CONFIG,
        generation=paths.EXPORT_GENERATION,
        tokenizer=paths.EXPORT_TOKENIZER,
        tokenizer_config=paths.EXPORT_TOKENIZER_CONFIG,
        chat_template=paths.EXPORT_CHAT_TEMPLATE,
        prompt=paths.EXPORT_PROMPT,
        equality=paths.EXPORT_EQUALITY,
        # Not of this job, but of the adapter's.
        training_cost=paths.EXPORT_COST,
        manifest=paths.EXPORT,
    )
    timed = frozenset(("training_cost",))
    manifest_form = RunManifest

    def inputs(self, key: ModelKey) -> Mapping[str, Files]:
        """The adapter and its base, and the test records of the tasks that it answers."""
        study = self.study
        return {
            "adapter": self._adapter(key),
            "base": study.base(study.local_models[key.model].base),
            "dataset": tuple(
                study.dataset_file(task, "test") for task in sorted(study.model_tasks(key.model))
            ),
        }

    def settings(self, key: ModelKey) -> ExportSettings:
        """How the model answers each of its tasks."""
        study, model = self.study, self.study.local_models[key.model]
        return ExportSettings(
            precision=model.precision,
            tasks={
                task: self._answered(model, key.model, task)
                for task in sorted(study.model_tasks(key.model))
            },
            records=study.settings.export.records,
        )

    def request(self, key: ModelKey) -> Request:
        """The request, by the size of the model."""
        return requests_of(self.study).export(key.model)

    def template(self, key: ModelKey) -> str | None:
        """The model's prompt."""
        return self.study.template(key.model)

    def modules(self, key: ModelKey) -> tuple[str, ...]:
        """The modes of answering."""
        return self.settings(key).modules()

    def libraries_of(self, key: ModelKey) -> tuple[str, ...]:
        """The libraries of models, and of quantisation if it is used."""
        return self.settings(key).libraries

    def _answered(self, model: TransformersModel, name: str, task: str) -> TransformersSettings:
        study = self.study
        return model.prediction(
            study.decoding(task),
            study.settings.batch_tokens,
            study.answered_settings(name, task),
            study.task(task),
        )


class ModelCard(_OfExport):
    """The card of an exported model; apart from it, since scores change more often than weights."""

    name, script = "model_card", "model_card.py"
    outputs = path_patterns(card=paths.MODEL_CARD, manifest=paths.MODEL_CARD_MANIFEST)
    libraries = CARD_LIBRARIES
    cheap = True

    def inputs(self, key: ModelKey) -> Mapping[str, Files]:
        """The exported model, its adapter and base, and scores."""
        files = card_files(self.settings(key))
        return {
            "results": tuple(f"{self.study.results}/{path}" for path in files),
            "base": self.study.base(self.study.local_models[key.model].base),
            "template": f"{paths.REPORT_TEMPLATES}/model_card.md.jinja",
        }

    def settings(self, key: ModelKey) -> ModelCardSettings:
        """What the card says of the study."""
        study, source = self.study, source_of(self.study)
        base = study.local_models[key.model].base
        return ModelCardSettings(
            model=key.model,
            seed=study.first_seed(key.model),
            base=base,
            base_license=study.config.licenses.get(base),
            study=study.settings.title,
            data_source=source.title(),
            data_hub_id=source.data.id if isinstance(source.data, HubData) else None,
            data_license=source.data.license,
            tasks={
                task: CardTask(
                    title=study.task(task).title,
                    kind=study.task(task).kind(),
                    simple=tuple(sorted(study.simple_baselines(task))),
                )
                for task in sorted(study.model_tasks(key.model))
            },
        )

    def modules(self, key: ModelKey) -> tuple[str, ...]:
        """The tasks' answers and metrics."""
        return card_modules(self.settings(key))


def exported_models(study: Study) -> tuple[str, ...]:
    """The tuned models that are exported: those that the study names, or all that answer a task."""
    named = study.settings.export.models
    return tuple(
        name
        for name, model in study.local_models.items()
        if model.tuned and study.model_tasks(name) and (named is None or name in named)
    )


RULES = (TidyScores, ExportModel, ModelCard)
