"""The settings of jobs: all of the configuration that can change what a job makes."""

from functools import cache
from pathlib import Path
from typing import Any, cast

from ecslm.comparisons.settings import ChooseSettings
from ecslm.config.models import LearnedModel, RecordedModel, TransformersModel
from ecslm.data.card import card
from ecslm.data.card.settings import DescriptionSettings
from ecslm.data.checking import CheckedTask, CheckSettings
from ecslm.data.published import SETTINGS, read_counts
from ecslm.data.settings import DatasetSettings, HubData
from ecslm.exports.settings import (
    CardTask,
    ExportSettings,
    ModelCardSettings,
    ScoredModel,
    ScoreRowsSettings,
)
from ecslm.models.bases import BaseSettings, PathSource, content_of_folder
from ecslm.models.prompts import template_digest
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.prediction.backend import backend_class
from ecslm.prediction.published_answers import AnswersOfTask, FetchSettings
from ecslm.prediction.settings import LatencySettings, PredictionSettings, TransformersSettings
from ecslm.schemas.paths import PUBLISHED_COUNTS
from ecslm.schemas.task import METRICS
from ecslm.scoring.baselines import applicable
from ecslm.scoring.bertscore.settings import BertScoreSettings
from ecslm.scoring.settings import OverSeedsSettings, ScriptSettings
from ecslm.training.settings import AdapterSettings

# Data


def check_settings(study: Study) -> CheckSettings:
    """All tasks of the registry: the source may have rows of any."""
    source, settings = source_of(study), study.settings
    tasks = {
        code: CheckedTask(
            **_record_form(study, code),
            splits={
                split: study.evaluated_settings(code, split)
                for split in study.splits(code)
                if code in settings.tasks
            },
        )
        for code in study.config.tasks
    }
    # Local rows are a user's own, of which nothing is published, unless they are said to be.
    asked = settings.published_comparable or isinstance(source.data, HubData)
    path = study.published(PUBLISHED_COUNTS) if asked else None
    return CheckSettings(
        source=source.settings(),
        tasks=tasks,
        settings=tuple(sorted({*SETTINGS, settings.train_setting, *settings.settings})),
        published=tuple(
            count
            for count in (read_counts(Path(path)) if path else ())
            if count.task in tasks
            and count.setting in tasks[count.task].splits.get(count.split, ())
        ),
        comparable=settings.published_comparable,
    )


def dataset_settings(study: Study, task: str, split: str) -> DatasetSettings:
    """The settings that affect one dataset file."""
    return DatasetSettings(
        source=source_of(study).settings(task, split),
        **_record_form(study, task),
        settings=study.evaluated_settings(task, split),
    )


def _record_form(study: Study, task: str) -> dict[str, Any]:
    """The form of a task's records, as fields of `RecordForm`."""
    entry, (_, *aliases) = study.task(task), study.task_names(task)
    return {"aliases": tuple(aliases), "answer": entry.answer, "input": entry.input}


def described_model(study: Study) -> TransformersModel:
    """The model whose tokenizer, prompt and lengths the records are described with."""
    assert study.described_model is not None, "without it, nothing is described"
    return study.local_models[study.described_model]


def description_settings(study: Study, task: str) -> DescriptionSettings:
    """The maximum lengths for a task of the model that the records are described with."""
    model, entry = described_model(study), study.task(task)
    training = model.training or study.settings.training
    decoding = model.decoded(study.decoding(task))
    return DescriptionSettings(
        answer=entry.answer,
        tokenizer=model.base,
        training_max_length=training.max_length if entry.train else None,
        adapter_max_length=study.trained_length(study.described_model or ""),
        prediction_max_length=decoding.max_length,
        max_new_tokens=decoding.max_new_tokens,
    )


def data_card_settings(study: Study) -> card.CardSettings:
    """What the data card shows in addition to the reports."""
    source = source_of(study)
    return card.CardSettings(
        study=study.name,
        title=study.settings.title,
        source=source.title(),
        license=source.data.license,
        comparable=study.settings.published_comparable and study.of_the_paper,
        ranked_by_output=source.ranked_by_output(),
        template=described_model(study).template,
        tolerated=source.data.tolerate,
        tasks=tuple(
            card.CardTask(
                code=task,
                title=study.task(task).title,
                leakage=task in study.overlap_tasks,
                classes=METRICS[study.task(task).metric].classes,
            )
            for task in study.settings.tasks
        ),
    )


# Models


def prompt(study: Study, model: str) -> str | None:
    """Digest of what a model's prompt template renders, whose path may change; None without one."""
    path = study.template(model)
    return None if path is None else template_digest(Path(path))


def base_settings(study: Study, base: str) -> BaseSettings:
    """Where the weights of a base come from."""
    return BaseSettings(source=study.config.bases[base])


def base_content(study: Study, base: str) -> str | None:
    """Digest of the files of a local directory, which no revision pins; None for other sources."""
    source = study.config.bases[base]
    if not isinstance(source, PathSource):
        return None
    return content_of_folder(Path(source.path), Path(study.base(base)))


def adapter_settings(study: Study, model: str) -> AdapterSettings:
    """The hyper-parameters of a tuned model."""
    entry = study.local_models[model]
    assert entry.training is not None, "only tuned models have adapters"
    return AdapterSettings(precision=entry.precision, shots=entry.shots, training=entry.training)


@cache
def prediction_settings(study: Study, model: str, task: str) -> PredictionSettings:
    """How a model answers a task."""
    return study.model(model).prediction(study.asked(model, task))


def _answered(study: Study, model: str) -> dict[str, TransformersSettings]:
    """How a model whose weights run here answers each of its tasks."""
    return {
        task: cast(TransformersSettings, prediction_settings(study, model, task))
        for task in study.model_tasks(model)
    }


def prediction_libraries(study: Study, model: str, task: str) -> tuple[str, ...]:
    """The libraries of the model's backend."""
    settings = prediction_settings(study, model, task)
    tuned = study.model(model).adapter_name(model) is not None
    return backend_class(settings.backend).libraries(settings, tuned=tuned)


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
    used = (prediction_libraries(study, model, task) for task in study.model_tasks(model))
    return tuple(dict.fromkeys(name for names in used for name in names))


def export_settings(study: Study, model: str) -> ExportSettings:
    """How an exported model answers each of its tasks."""
    return ExportSettings(
        precision=study.local_models[model].precision,
        tasks=_answered(study, model),
        records=study.settings.export.records,
    )


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


# Scores


def bertscore_settings(study: Study) -> BertScoreSettings:
    """How texts are compared; the encoder is an input."""
    settings = study.settings.bertscore
    assert settings is not None, "the configuration requires it of generation tasks"
    return BertScoreSettings(**settings.model_dump(exclude={"encoder"}))


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
            name: model.learning(entry)
            for name, model in study.settings.models.items()
            if isinstance(model, LearnedModel) and name in names
        },
    )


def score_rows_settings(study: Study) -> ScoreRowsSettings:
    """The models and baselines that have scores."""
    tuned = {name for name in study.local_models if study.model(name).adapter_name(name)}
    untuned = study.local_models.keys() - tuned
    return ScoreRowsSettings(
        study=study.name,
        models={
            name: ScoredModel(
                kind="tuned" if name in tuned else "untuned" if name in untuned else model.backend,
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
                metric=study.task(task).metric,
                simple=tuple(sorted(study.simple_baselines(task))),
            )
            for task in study.model_tasks(model)
        },
    )
