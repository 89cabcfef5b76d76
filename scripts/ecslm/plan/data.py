"""The settings of jobs that check, write and describe records."""

from functools import cache
from pathlib import Path
from typing import Any

from ecslm.config.backends.transformers import TransformersModel
from ecslm.data.card.card import CardSettings, CardTask
from ecslm.data.card.settings import DescriptionSettings
from ecslm.data.checking import CheckedTask, CheckSettings
from ecslm.data.published import SETTINGS, read_counts
from ecslm.data.settings import DatasetSettings, HubData
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas import paths
from ecslm.schemas.task import METRICS


def check_settings(study: Study) -> CheckSettings:
    """All tasks of the registry: the source may have rows of any."""
    source = source_of(study)
    tasks = {
        code: CheckedTask(
            **_record_form(study, code),
            splits={
                split: study.evaluated_settings(code, split)
                for split in study.splits(code)
                if code in study.settings.tasks
            },
        )
        for code in study.config.tasks
    }
    comparable = study.settings.published_comparable
    # Local rows are a user's own, of which nothing is published, unless they are said to be.
    asked = comparable or isinstance(source.data, HubData)
    path = study.published(paths.PUBLISHED_COUNTS) if asked else None
    counts = read_counts(Path(path)) if path else ()
    known = {*SETTINGS, study.settings.train_setting, *study.settings.settings}
    return CheckSettings(
        source=source.for_check(),
        tasks=tasks,
        settings=tuple(sorted(known)),
        published=tuple(
            count
            for count in counts
            if count.task in tasks
            and count.setting in tasks[count.task].splits.get(count.split, ())
        ),
        comparable=comparable,
    )


def dataset_settings(study: Study, task: str, split: str) -> DatasetSettings:
    """The settings that affect one dataset file."""
    return DatasetSettings(
        source=source_of(study).for_split(task, split),
        **_record_form(study, task),
        settings=study.evaluated_settings(task, split),
    )


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


@cache
def data_card_settings(study: Study) -> CardSettings:
    """What the data card shows in addition to the reports."""
    source = source_of(study)
    return CardSettings(
        study=study.name,
        title=study.settings.title,
        source=source.title(),
        license=source.data.license,
        comparable=study.settings.published_comparable and study.of_the_paper,
        ranked_by_output=source.ranked_by_output(),
        template=described_model(study).template,
        tolerated=source.data.tolerate,
        tasks=tuple(
            CardTask(
                code=task,
                title=study.task(task).title,
                leakage=task in study.overlap_tasks,
                classes=METRICS[study.task(task).metric].classes,
            )
            for task in study.settings.tasks
        ),
    )


def described_model(study: Study) -> TransformersModel:
    """The model whose tokenizer, prompt and lengths the records are described with."""
    assert study.described_model is not None, "without it, nothing is described"
    return study.local_models[study.described_model]


def _record_form(study: Study, task: str) -> dict[str, Any]:
    """The form of a task's records, as fields of `RecordForm`."""
    settings = study.task(task)
    # The order of names has no meaning.
    aliases = tuple(sorted(settings.aliases))
    return {"aliases": aliases, "answer": settings.answer, "input": settings.input}
