"""Parameters of jobs: all that decides what a job makes of its inputs, as strings; first of all its
settings, which are all of the configuration that can change what it makes.

Snakemake compares the values that are computed from wildcards alone as a set, without their names.
So each is one string with a form of its own: canonical JSON, or a value with a prefix.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from ecslm.common.environment import lock_versions
from ecslm.common.equal_code import Pair, representative
from ecslm.common.hashing import canonical_json
from ecslm.comparisons.settings import ChooseSettings
from ecslm.config.models import Questions, RecordedModel
from ecslm.data import card
from ecslm.data.checking import SETTINGS, CheckedTask, CheckSettings
from ecslm.data.reports import read_counts
from ecslm.data.settings import DatasetSettings, DescriptionSettings, HubData
from ecslm.exports.settings import ExportSettings
from ecslm.families.learned.backend import LearnedSettings
from ecslm.families.recorded.published_answers import AnswersOfTask, FetchSettings
from ecslm.families.settings import LatencySettings, PredictionSettings, TransformersSettings
from ecslm.fingerprint.running import code_parameter
from ecslm.models.bases import BaseSettings, PathSource, content_of_folder
from ecslm.models.prompts import template_digest
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import PUBLISHED, PUBLISHED_COUNTS
from ecslm.schemas.settings import JobSettings
from ecslm.scoring.baselines import applicable
from ecslm.scoring.settings import BertScoreSettings, OverSeedsSettings, ScriptSettings
from ecslm.script import problems_told
from ecslm.training.settings import AdapterSettings

VERSIONS = "versions:"
# A function of a job's wildcards, as Snakemake calls it.
OfJob = Callable[[Any], Any]


def json_parameter(settings: BaseModel) -> str:
    """Validated settings, as the value of a script's `--settings`."""
    return canonical_json(settings.model_dump(mode="json"))


def versions_parameter(versions: Mapping[str, str]) -> str:
    """Versions of libraries."""
    return f"{VERSIONS}{canonical_json(versions)}"


def versions_in(parameter: str | None) -> dict[str, str]:
    """The versions in a value of `versions_parameter`; none without one."""
    versions: dict[str, str] = json.loads((parameter or "{}").removeprefix(VERSIONS))
    return versions


def per_job(
    study: Study, function: Callable[..., Any], like: Callable[..., Any] | None = None
) -> OfJob:
    """A function of the study and of some wildcards, by their names, as one of a job's wildcards.

    It is computed once for all jobs in which these are the same. Its problems end the process.

    Args:
        like: a function of the same wildcards that has their names, if this has not.
    """
    _, *names = signature(like or function).parameters

    @cache
    def known(*values: str) -> Any:
        with problems_told():
            return function(study, *values)

    return lambda job: known(*(getattr(job, name) for name in names))


def made_by(
    study: Study,
    script: str,
    settings: Callable[..., JobSettings] = lambda study: JobSettings(),  # noqa: ARG005
    libraries: Callable[..., Sequence[str]] | None = None,
) -> dict[str, OfJob]:
    """The parameters of a rule's jobs that the configuration, code and the lock file decide.

    `code` and `versions` may be those that `make accept` has shown to compute equal bytes.

    Args:
        script: its file name.
        settings: the value of its `--settings`, as a function of `per_job`.
        libraries: those that can change a result, where the settings alone do not tell: a function
            of the same wildcards.
    """

    @cache
    def computing(loaded: tuple[str, ...], used: tuple[str, ...]) -> Pair:
        code = code_parameter(script, loaded)
        return representative(Pair(code=code, versions=lock_versions(used)))

    def parameters(study: Study, *names: str) -> tuple[str | None, ...]:
        own = settings(study, *names)
        used = own.libraries if libraries is None else libraries(study, *names)
        pair = computing(own.modules(), tuple(used))
        versions = versions_parameter(pair.versions) if used else None
        return json_parameter(own), pair.code, versions

    of_job = per_job(study, parameters, like=settings)
    return {
        "settings": lambda job: of_job(job)[0],
        "code": lambda job: of_job(job)[1],
        "versions": lambda job: of_job(job)[2],
    }


# Data


def check_settings(study: Study) -> CheckSettings:
    """All tasks of the registry: the source may have rows of any."""
    source, settings = source_of(study), study.settings
    tasks = {}
    for code in study.config.tasks:
        splits = study.splits(code) if code in settings.tasks else ()
        read = {split: study.evaluated_settings(code, split) for split in splits}
        tasks[code] = CheckedTask(**_record_form(study, code), splits=read)
    # Local rows are a user's own, of which nothing is published, unless they are said to be.
    asked = settings.published_comparable or isinstance(source.data, HubData)
    path = study.published(PUBLISHED_COUNTS) if asked else None
    return CheckSettings(
        source=source.settings(),
        tasks=tasks,
        settings=tuple(sorted({*SETTINGS, settings.train_setting, *settings.settings})),
        published=tuple(
            one
            for one in (read_counts(Path(path)) if path else ())
            if one.task in tasks and one.setting in tasks[one.task].splits.get(one.split, ())
        ),
        comparable=settings.published_comparable,
    )


def dataset_settings(study: Study, task: str, split: str) -> DatasetSettings:
    """The settings that affect one dataset file."""
    source, read = source_of(study).settings(task, split), study.evaluated_settings(task, split)
    return DatasetSettings(source=source, **_record_form(study, task), settings=read)


def _record_form(study: Study, task: str) -> dict[str, Any]:
    """The form of a task's records, as fields of `RecordForm`."""
    entry, (_, *aliases) = study.task(task), study.task_names(task)
    return {"aliases": tuple(aliases), "answer": entry.answer, "input": entry.input}


def description_settings(study: Study, task: str) -> DescriptionSettings:
    """The maximum lengths for a task of the model that the records are described with."""
    name, entry = str(study.described_model), study.task(task)
    model, adapted = study.local_models[name], study.adapted(name)
    training = model.training or study.settings.training
    decoding = model.decoded(study.decoding(task))
    return DescriptionSettings(
        answer=entry.answer,
        tokenizer=model.base,
        training_max_length=training.max_length if entry.train else None,
        adapter_max_length=adapted and adapted.max_length,
        prediction_max_length=decoding.max_length,
        max_new_tokens=decoding.max_new_tokens,
    )


def data_card_settings(study: Study) -> card.CardSettings:
    """What the data card shows in addition to the reports."""
    source, tasks = source_of(study), study.settings.tasks
    # It is the paper's that this project reproduces, and not another's.
    of_the_paper = Path(study.settings.published_numbers).resolve() == PUBLISHED.resolve()
    return card.CardSettings(
        study=study.name,
        title=study.settings.title,
        source=source.title(),
        license=source.data.license,
        comparable=study.settings.published_comparable and of_the_paper,
        ranked_by_output=source.ranked_by_output(),
        template=str(study.model(str(study.described_model)).template),
        tolerated=source.data.tolerate,
        tasks=tuple((task, study.task(task).title) for task in tasks),
        compared=study.overlap_tasks,
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
    asked = Questions(study.task(task), study.decoding(task), study.settings.batch_tokens)
    return study.model(model).prediction(asked)


def access(study: Study, model: str) -> str | None:
    """How the server of a model is reached, on which no answer depends; None if it has none."""
    reached = getattr(study.model(model), "access", None)
    return None if reached is None else json_parameter(reached)


def _answered(study: Study, model: str) -> dict[str, TransformersSettings]:
    """How a model whose weights run here answers each of its tasks."""
    return {
        task: cast(TransformersSettings, prediction_settings(study, model, task))
        for task in study.model_tasks(model)
    }


def prediction_libraries(study: Study, model: str, task: str) -> tuple[str, ...]:
    """The libraries of the model's backend."""
    return prediction_settings(study, model, task).libraries_for(study.adapter_name(model))


def latency_settings(study: Study, model: str) -> LatencySettings:
    """The sample of prompts, and how the model answers each of its tasks."""
    # Each prompt is alone in its batch.
    answered = _answered(study, model).items()
    alone = {task: own.model_copy(update={"batch_tokens": None}) for task, own in answered}
    return LatencySettings(**study.settings.latency.model_dump(), tasks=alone)


def latency_libraries(study: Study, model: str) -> tuple[str, ...]:
    """The libraries of the backend, in all tasks."""
    return latency_settings(study, model).libraries_for(study.adapter_name(model))


def export_settings(study: Study, model: str) -> ExportSettings:
    """How an exported model answers each of its tasks."""
    return ExportSettings(tasks=_answered(study, model), records=study.settings.export.records)


def published_answers(study: Study) -> tuple[AnswersOfTask, ...]:
    """The answers that others have published, by model and task; two rows of the study, with and
    without an example, may have the same."""
    wanted = defaultdict[tuple[str, str], set[str]](set)
    for name, model in study.settings.models.items():
        if isinstance(model, RecordedModel) and model.published is not None:
            for task in study.model_tasks(name):
                wanted[model.published, task].update(study.answered_settings(name, task))
    return tuple(
        AnswersOfTask(model=model, task=task, names=study.task_names(task), settings=sorted(found))
        for (model, task), found in sorted(wanted.items())
    )


def fetch_settings(study: Study) -> FetchSettings:
    """The commit with published answers, and what to take of it; not where the archive is."""
    source = study.settings.answers
    assert source is not None, "the configuration requires it of models with published answers"
    pinned = source.model_dump(exclude={"archive"})
    return FetchSettings(**pinned, answers=published_answers(study))


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
    kind, names = study.task(task).kind(), study.simple_baselines(task)
    return ChooseSettings(
        task=kind,
        trivial=tuple(name for name in applicable(kind) if name in names),
        learned={
            name: cast(LearnedSettings, prediction_settings(study, name, task))
            for name in names
            if name in study.settings.models
        },
    )
