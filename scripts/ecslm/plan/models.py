"""The settings of jobs that run models, score their answers, and export them."""

from functools import cache
from pathlib import Path

from ecslm.comparisons.choosing_settings import ChooseSettings
from ecslm.config.backends.learned import LearnedModel
from ecslm.config.backends.recorded import RecordedModel
from ecslm.config.schema import EncoderSettings
from ecslm.data.settings import HubData
from ecslm.exports.card_settings import CardTask, ModelCardSettings
from ecslm.exports.score_rows import ScoredModel, ScoreRowsSettings
from ecslm.exports.settings import ExportSettings
from ecslm.models.bases import PathSource, content_of_folder
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.prediction.backend import backend_module
from ecslm.prediction.latency_settings import LatencySettings
from ecslm.prediction.published_answers import AnswersOfTask, FetchSettings
from ecslm.prediction.settings import PredictionSettings
from ecslm.prediction.transformers_backend import libraries
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.scoring.baselines import applicable
from ecslm.scoring.bertscore.settings import BertScoreSettings
from ecslm.scoring.settings import OverSeedsSettings, ScriptSettings
from ecslm.training.settings import AdapterSettings


@cache
def adapter_settings(study: Study, model: str) -> AdapterSettings:
    """The hyper-parameters of a tuned model."""
    entry = study.local_models[model]
    assert entry.training is not None, "only tuned models have adapters"
    return AdapterSettings(precision=entry.precision, shots=entry.shots, training=entry.training)


@cache
def prediction_settings(study: Study, model: str, task: str) -> PredictionSettings:
    """How a model answers a task."""
    return study.model(model).prediction(
        study.decoding(task),
        study.settings.batch_tokens,
        study.answered_settings(model, task),
        study.task(task),
    )


def prediction_libraries(study: Study, model: str, task: str) -> tuple[str, ...]:
    """The libraries of the model's backend."""
    settings = prediction_settings(study, model, task)
    tuned = study.model(model).adapter_name(model) is not None
    return backend_module(settings.backend).libraries(settings, tuned=tuned)


@cache
def latency_settings(study: Study, model: str) -> LatencySettings:
    """The sample of prompts, and how the model answers each of its tasks."""
    return LatencySettings(
        **study.settings.latency.model_dump(),
        # Each prompt is alone in its batch.
        tasks={
            task: own.model_copy(update={"batch_tokens": None})
            for task, own in _answered(study, model).items()
        },
    )


def latency_libraries(study: Study, model: str) -> tuple[str, ...]:
    """The libraries of the backend, in all tasks."""
    tuned = study.model(model).adapter_name(model) is not None
    used = (libraries(own, tuned=tuned) for own in latency_settings(study, model).tasks.values())
    return tuple(dict.fromkeys(name for names in used for name in names))


@cache
def export_settings(study: Study, model: str) -> ExportSettings:
    """How an exported model answers each of its tasks."""
    return ExportSettings(
        precision=study.local_models[model].precision,
        tasks=_answered(study, model),
        records=study.settings.export.records,
    )


def _answered(study: Study, model: str) -> dict[str, TransformersSettings]:
    return {
        task: study.local_models[model].prediction(
            study.decoding(task),
            study.settings.batch_tokens,
            study.answered_settings(model, task),
            study.task(task),
        )
        for task in study.model_tasks(model)
    }


def encoder(study: Study) -> EncoderSettings:
    """The encoder of BERTScores, of a study that has generation tasks."""
    settings = study.settings.bertscore
    assert settings is not None, "the configuration requires it of generation tasks"
    return settings


def bertscore_settings(study: Study) -> BertScoreSettings:
    """How texts are compared; the encoder is an input."""
    return BertScoreSettings(**encoder(study).model_dump(exclude={"encoder"}))


def base_content(study: Study, base: str) -> str | None:
    """Digest of the files of a local directory, which no revision pins; None for other sources."""
    source = study.config.bases[base]
    if not isinstance(source, PathSource):
        return None
    return content_of_folder(Path(source.path), Path(study.base(base)))


@cache
def published_answers(study: Study) -> tuple[AnswersOfTask, ...]:
    """The answers that others have published, by model and task; two rows of the study, with and
    without an example, may have the same."""
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


def fetch_settings(study: Study) -> FetchSettings:
    """The commit with published answers, and what to take of it; not where the archive is."""
    source = study.settings.answers
    assert source is not None, "the configuration requires it of models with published answers"
    return FetchSettings(
        commit=source.commit, folder=source.folder, answers=published_answers(study)
    )


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
                kind=(
                    model.backend
                    if model.backend != "transformers"
                    else "untuned"
                    if model.adapter_name(name) is None
                    else "tuned"
                ),
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


@cache
def model_card_settings(study: Study, model: str) -> ModelCardSettings:
    """What the card of a model says of the study."""
    source, base = source_of(study), study.local_models[model].base
    return ModelCardSettings(
        model=model,
        seed=study.first_seed(model),
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
            for task in study.model_tasks(model)
        },
    )
