"""The study to run: its entries of the configuration, and the paths of its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ecslm.config.files import Content
from ecslm.config.loading import read_config
from ecslm.config.models import (
    LearnedModel,
    ModelSettings,
    OpenAIModel,
    RecordedModel,
    TransformersModel,
)
from ecslm.config.schema import Config
from ecslm.families.settings import DecodingSettings
from ecslm.models.architecture import read_architectures
from ecslm.schemas import paths
from ecslm.schemas.task import BERTSCORE_METRICS, CONFIG_FILE, TaskSettings
from ecslm.scoring.baselines import applicable
from ecslm.training.settings import TrainingSettings


class Study:
    """What the jobs of a study share. Paths are relative strings.

    Attributes:
        config: the configuration.
        content: its files.
        name: the study's name.
        settings: its entry of the configuration.
        results: its results directory.
        local_models: the models whose weights run here.
        tuned_models: of these, the ones that have adapters of their own.
        training_tasks: tasks whose records train the adapters. Tasks are in an order that does not
            depend on the configuration: that of training files, for example, decides which weights
            come out.
        test_tasks: tasks that are evaluated.
        overlap_tasks: tasks that have both training and test records, whose overlap is measured.
        generation_tasks: evaluated tasks that are scored by BERTScore.
        described_model: the model with whose tokenizer, prompt and lengths the data are described;
            None if there is none.
    """

    def __init__(self, config: Config, content: Content | None = None) -> None:
        self.content = content or Content()
        self.config, self.name, self.settings = config, config.study, config.current
        self.results = paths.RESULTS.format(study=self.name)
        models, tasks = self.settings.models, sorted(self.settings.tasks)
        local = {x: one for x, one in models.items() if isinstance(one, TransformersModel)}
        self.local_models = local
        self.tuned_models = tuple(x for x, one in self.local_models.items() if one.tuned)
        self.training_tasks = tuple(x for x in tasks if self.task(x).train)
        self.test_tasks = tuple(x for x in tasks if self.task(x).test)
        self.overlap_tasks = tuple(x for x in self.test_tasks if self.task(x).train)
        self.generation_tasks = tuple(
            x for x in self.test_tasks if self.task(x).metric in BERTSCORE_METRICS
        )
        run = [x for x, one in self.local_models.items() if one.run]
        tuned = [x for x in run if x in self.tuned_models]
        self.described_model = self.settings.described_with or min(tuned or run, default=None)

    # Paths

    def path(self, pattern: str, **names: object) -> str:
        """The path of a file of the study, from a pattern of `ecslm.schemas.paths`."""
        return f"{self.results}/{pattern.format(**names)}"

    def dataset_file(self, task: str, split: str) -> str:
        """Path of a dataset file."""
        return self.path(paths.DATASET, task=task, split=split)

    @staticmethod
    def base(name: str) -> str:
        """Path of a base's manifest; studies share bases."""
        return f"{paths.BASES}/{paths.BASE.format(base=name)}"

    def weights(self, model: str) -> str | None:
        """Path of the manifest of what a model answers with, if that is here: its base or, behind a
        server that its jobs start, an export."""
        if (served := self.served(model)) is not None:
            return self.path(paths.EXPORT, model=served)
        base = self.model(model).base
        return None if base is None else self.base(base)

    def template(self, model: str) -> str | None:
        """Path of a model's prompt template, None if it has none."""
        name = self.model(model).template
        return None if name is None else str(paths.TEMPLATES / f"{name}.jinja")

    def answer_files(self, model: str, task: str) -> tuple[str, ...]:
        """The files of a model's answers to a task, if these exist before it is asked."""
        own = self.model(model)
        if not isinstance(own, RecordedModel):
            return ()
        if own.published:
            return (self.path(paths.ANSWERS, model=own.published, task=task),)
        return own.answer_files(self.task_names(task), self.answered_settings(model, task))

    def published(self, file: Path) -> str | None:
        """A file of published numbers, in the study's own folder of them, by its path in that of
        this repository; None if the folder has none."""
        path = Path(self.settings.published_numbers) / file.relative_to(paths.PUBLISHED)
        return str(path) if path.exists() else None

    # Models

    def model(self, name: str) -> ModelSettings:
        """A model of the study."""
        return self.settings.models[name]

    def served(self, model: str) -> str | None:
        """The tuned model whose export one serves; None if its jobs start no server."""
        own = self.model(model)
        return own.exported if isinstance(own, OpenAIModel) else None

    @property
    def exported_models(self) -> tuple[str, ...]:
        """The tuned models that are exported: those that the study names, or all that answer a
        task; and those that are served."""
        models, named = self.settings.models, self.settings.export.models
        every = filter(self.model_tasks, self.tuned_models)
        served = {self.served(name) for name, one in models.items() if one.run}
        return tuple(x for x in every if named is None or x in named or x in served)

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases of the models that are run, and the encoder of BERTScores."""
        names = [model.base for model in self.local_models.values() if model.run]
        encoder = self.settings.bertscore
        return tuple(dict.fromkeys([*names, *([encoder.encoder] if encoder else [])]))

    @cache  # noqa: B019 - one instance a process
    def architecture_row(self, base: str) -> Mapping[str, str] | None:
        """A base's row of architectures.csv, None if it has none.

        Raises:
            InputError: the file is missing or invalid.
        """
        name = self.settings.architectures.get(base, base)
        return read_architectures(paths.ARCHITECTURES).get(name)

    def adapter_name(self, model: str) -> str | None:
        """The model whose adapters one uses: itself, or another one; None if it uses none."""
        own = self.settings.models.get(model)
        return None if own is None else model if own.tuned else own.adapter_of

    def adapted(self, model: str) -> TrainingSettings | None:
        """How the adapter that a model uses is trained; None without one."""
        name = self.adapter_name(model)
        return self.local_models[name].training if name else None

    def seeds_of(self, row: str) -> tuple[int, ...]:
        """The seeds of a model, or of a trivial baseline, which has one."""
        return (0,) if row in self.settings.baselines else self.model(row).seeds

    def first_seed(self, model: str) -> int:
        """The seed that stands for a model where one must."""
        return min(self.model(model).seeds)

    def shots_of(self, row: str) -> int:
        """The examples in the prompts of a model; a trivial baseline has none."""
        return 0 if row in self.settings.baselines else self.model(row).shots

    # Tasks

    def task(self, code: str) -> TaskSettings:
        """A task of the registry."""
        return self.config.tasks[code]

    def decoding(self, code: str) -> DecodingSettings:
        """How answers to a task are generated, by models that have no keys of their own."""
        return self.settings.task_decoding.get(code, self.settings.decoding)

    def task_names(self, code: str) -> tuple[str, ...]:
        """What the task may be called in data, and a directory of it: its code, or an alias."""
        return (code, *sorted(self.task(code).aliases))

    def splits(self, task: str) -> tuple[str, ...]:
        """The splits for which a task has a dataset file."""
        entry = self.task(task)
        return (("train", "val") if entry.train else ()) + (("test",) if entry.test else ())

    def evaluated_settings(self, task: str, split: str) -> tuple[str, ...]:
        """The settings that a dataset file has, in an order that does not depend on the
        configuration: the order of records may decide in which batch one is answered."""
        if split != "test":
            return (self.settings.train_setting,)
        ood = self.task(task).ood
        settings = self.settings.settings
        return tuple(sorted(name for name in settings if ood or not name.startswith("OOD_")))

    def answered_settings(self, model: str, task: str) -> tuple[str, ...]:
        """The settings of a task's test records that a model answers: none if it is not run."""
        own, settings = self.model(model), self.evaluated_settings(task, "test")
        return own.answered(task, self.task(task), settings) if own.run else ()

    @cache  # noqa: B019 - one instance a process
    def model_tasks(self, model: str) -> tuple[str, ...]:
        """Evaluated tasks that a model answers."""
        return tuple(task for task in self.test_tasks if self.answered_settings(model, task))

    def baseline_tasks(self, baseline: str) -> tuple[str, ...]:
        """Evaluated tasks that a trivial baseline is defined for."""
        # The majority class is taken from the training rows.
        tasks = self.overlap_tasks if baseline == "majority" else self.test_tasks
        return tuple(task for task in tasks if baseline in applicable(self.task(task).kind()))

    def simple_baselines(self, task: str) -> tuple[str, ...]:
        """The rows among which a task's best simple baseline is chosen: its trivial baselines, and
        learned ones with all training records. None if the task has no records to choose by."""
        if not self.task(task).train:
            return ()
        trivial = [name for name in self.settings.baselines if task in self.baseline_tasks(name)]
        learned = [
            name
            for name, model in self.settings.models.items()
            if isinstance(model, LearnedModel) and model.train_fraction == 1
            if task in self.model_tasks(name)
        ]
        return (*trivial, *learned)

    # Runs

    def adapters(self) -> list[dict[str, str]]:
        """Model and seed of each adapter."""
        own = (one for one in self.priorities if one[0] in self.tuned_models)
        return [{"model": name, "seed": seed} for name, seed in own]

    def runs(self) -> list[dict[str, str]]:
        """Model, seed and task of all predictions."""
        return [
            {"model": name, "seed": seed, "task": task}
            for name, seed in self.priorities
            for task in self.model_tasks(name)
        ]

    @cached_property
    def priorities(self) -> Mapping[tuple[str, str], int]:
        """Which jobs that run a model and seed come first: higher numbers do.

        One model and seed after the other, since one process loads them all, and tuned models
        before others, since it has to end where another job trains.
        """
        models = {name: one for name, one in self.settings.models.items() if one.run}
        ordered = sorted(models, key=lambda name: not models[name].tuned)
        pairs = [(name, str(seed)) for name in ordered for seed in models[name].seeds]
        return {one: len(pairs) - number for number, one in enumerate(pairs)}


@dataclass(frozen=True)
class Choice:
    """A study, as the options of a script choose it.

    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
        seeds: train each tuned model with these, such as 0,1,2, as the run did
    """

    configfile: Sequence[Path] = ()
    study: str | None = None
    seeds: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What goes over the files."""
        # Others than numbers are refused with the configuration.
        given = {"study": self.study, "seeds": self.seeds and self.seeds.split(",")}
        return {key: value for key, value in given.items() if value}

    def read(self) -> Study:
        """The study, configured by config.yaml and the further files.

        Raises:
            InputError: the configuration has problems, each with its place.
        """
        files = [CONFIG_FILE, *self.configfile]
        return Study(*read_config(files, paths.TEMPLATES, self.values))
