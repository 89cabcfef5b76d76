"""The jobs of the data stage: check, dataset files, descriptions, overlap, data card."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ecslm.config.backends.transformers import TransformersModel
from ecslm.data.card.card import CardSettings, CardTask, card_files
from ecslm.data.card.settings import (
    CARD_LIBRARIES,
    DESCRIPTION_LIBRARIES,
    LEAKAGE_LIBRARIES,
    DescriptionSettings,
)
from ecslm.data.checking import CheckedTask, CheckSettings
from ecslm.data.published import SETTINGS, read_counts
from ecslm.data.settings import DatasetSettings, HubData
from ecslm.data.sources.protocol import source_module
from ecslm.plan.keys import SplitKey, StudyKey, TaskKey
from ecslm.plan.rules import Files, Rule, path_patterns
from ecslm.plan.source import source_of
from ecslm.plan.study import Study, template_path
from ecslm.schemas import paths
from ecslm.schemas.task import METRICS


class CheckData(Rule[StudyKey]):
    """The report on every row of the source."""

    name, script, key_type = "check_data", "check_data.py", StudyKey
    outputs = path_patterns(report=paths.DATA_CHECK, manifest=paths.DATA_CHECK_MANIFEST)

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self._source = source_of(study)

    def all_keys(self) -> Iterator[StudyKey]:
        """One job."""
        yield StudyKey()

    def settings(self, _key: StudyKey) -> CheckSettings:
        """All tasks of the registry: the source may have rows of any."""
        study, source = self.study, self._source
        tasks = {
            code: CheckedTask(
                **record_form(study, code),
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

    def content(self, _key: StudyKey) -> str:
        """Digest of all rows of the source."""
        return self._source.content_of_all()

    def modules(self, _key: StudyKey) -> tuple[str, ...]:
        """The reader of the study's source."""
        return source_modules(self.study)


class Dataset(Rule[SplitKey]):
    """The records of one task and split."""

    name, script, key_type = "dataset", "dataset.py", SplitKey
    outputs = path_patterns(records=paths.DATASET, manifest=paths.DATASET_MANIFEST)

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self._source = source_of(study)

    def all_keys(self) -> Iterator[SplitKey]:
        """The splits that each task has."""
        for task in self.study.settings.tasks:
            for split in self.study.splits(task):
                yield SplitKey(task, split)

    def settings(self, key: SplitKey) -> DatasetSettings:
        """The settings that affect this file."""
        return DatasetSettings(
            source=self._source.for_split(key.task, key.split),
            **record_form(self.study, key.task),
            settings=self.study.evaluated_settings(key.task, key.split),
        )

    def content(self, key: SplitKey) -> str:
        """The rows of the source that the file is built from."""
        return self._source.content_of_split(key.task, key.split)

    def modules(self, _key: SplitKey) -> tuple[str, ...]:
        """The reader of the study's source."""
        return source_modules(self.study)


class DescribeData(Rule[TaskKey]):
    """Counts, labels and lengths of a task's records."""

    name, script, key_type = "describe_data", "describe_data.py", TaskKey
    outputs = path_patterns(description=paths.DESCRIPTION, manifest=paths.DESCRIPTION_MANIFEST)
    libraries = DESCRIPTION_LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[TaskKey]:
        """All tasks, if there is a model to describe them with."""
        if self.study.described_model is not None:
            yield from map(TaskKey, self.study.settings.tasks)

    def inputs(self, key: TaskKey) -> Mapping[str, Files]:
        """The task's records, and the base whose tokenizer measures them."""
        return {
            "records": self.study.task_files(key.task),
            "base": self.study.base(self._model.base),
        }

    def template(self, _key: TaskKey) -> str:
        """The prompt of the described model."""
        return template_path(self._model.template)

    def settings(self, key: TaskKey) -> DescriptionSettings:
        """The maximum lengths of the described model for the task."""
        study = self.study
        model, task = self._model, study.task(key.task)
        training = model.training or study.settings.training
        decoding = model.decoded(study.decoding(key.task))
        return DescriptionSettings(
            answer=task.answer,
            tokenizer=model.base,
            training_max_length=training.max_length if task.train else None,
            adapter_max_length=study.trained_length(study.described_model or ""),
            prediction_max_length=decoding.max_length,
            max_new_tokens=decoding.max_new_tokens,
        )

    @property
    def _model(self) -> TransformersModel:
        return _described_model(self.study)


class Leakage(Rule[TaskKey]):
    """The overlap of a task's test records with training."""

    name, script, key_type = "leakage", "leakage.py", TaskKey
    outputs = path_patterns(report=paths.LEAKAGE, manifest=paths.LEAKAGE_MANIFEST)
    libraries = LEAKAGE_LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[TaskKey]:
        """Tasks that have both training and test records."""
        yield from (TaskKey(task) for task in self.study.test_tasks if self.study.task(task).train)

    def inputs(self, key: TaskKey) -> Mapping[str, Files]:
        """The task's own records, and the training records of all other tasks."""
        train = self.study.dataset_file(key.task, "train")
        return {
            "test": self.study.dataset_file(key.task, "test"),
            "train": train,
            "others": tuple(p for p in self.study.training_files("train") if p != train),
        }


class DataCard(Rule[StudyKey]):
    """The data card."""

    name, script, key_type = "data_card", "data_card.py", StudyKey
    outputs = path_patterns(card=paths.DATA_CARD, manifest=paths.DATA_CARD_MANIFEST)
    libraries = CARD_LIBRARIES
    cheap = True

    def all_keys(self) -> Iterator[StudyKey]:
        """One job, if there is a model to describe the data with."""
        if self.study.described_model is not None:
            yield StudyKey()

    def inputs(self, key: StudyKey) -> Mapping[str, Files]:
        """The reports that the card shows."""
        files = card_files(self.settings(key))
        return {
            "reports": tuple(f"{self.study.results}/{path}" for path in files),
            "template": f"{paths.REPORT_TEMPLATES}/data_card.md.jinja",
        }

    def settings(self, _key: StudyKey) -> CardSettings:
        """What the card shows in addition to the reports."""
        study, source = self.study, source_of(self.study)
        measured = {key.task for key in Leakage(study).all_keys()}
        return CardSettings(
            study=study.name,
            title=study.settings.title,
            source=source.title(),
            license=source.data.license,
            comparable=study.settings.published_comparable and study.of_the_paper,
            ranked_by_output=source.ranked_by_output(),
            template=_described_model(study).template,
            tolerated=source.data.tolerate,
            tasks=tuple(
                CardTask(
                    code=task,
                    title=study.task(task).title,
                    leakage=task in measured,
                    classes=METRICS[study.task(task).metric].classes,
                )
                for task in study.settings.tasks
            ),
        )


def _described_model(study: Study) -> TransformersModel:
    assert study.described_model is not None, "without it, nothing is described"
    return study.local_models[study.described_model]


def record_form(study: Study, task: str) -> dict[str, Any]:
    """The form of a task's records, as fields of `RecordForm`."""
    settings = study.task(task)
    # The order of names has no meaning.
    aliases = tuple(sorted(settings.aliases))
    return {"aliases": aliases, "answer": settings.answer, "input": settings.input}


def source_modules(study: Study) -> tuple[str, ...]:
    """The module of the source's reader, which scripts load by name."""
    return (source_module(study.settings.data.source),)


RULES = (CheckData, Dataset, DescribeData, Leakage, DataCard)
