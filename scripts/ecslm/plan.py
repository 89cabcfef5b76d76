"""The plan of a study: which files there are, and the parameters of the job that makes each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecslm.baselines import applicable
from ecslm.bertscore_settings import LIBRARIES as BERTSCORE_LIBRARIES
from ecslm.bertscore_settings import BertScoreSettings
from ecslm.config import Config, ModelSettings, StudySettings
from ecslm.config_problems import nearest
from ecslm.files import InputError, canonical_json, sha256_of_file, sha256_of_text
from ecslm.generation.settings import PredictionSettings
from ecslm.manifests import manifest_of, read_manifest
from ecslm.parameters import code_parameter, json_parameter, version_parameter
from ecslm.records.index import Part, read_index
from ecslm.records.settings import DatasetSettings, DataSource, DemoData, HubData, PathData
from ecslm.scoring import LIBRARIES as SCORING_LIBRARIES
from ecslm.scoring_input import ScriptSettings
from ecslm.tasks import TaskSettings
from ecslm.training.settings import AdapterSettings

TEMPLATES = Path("resources/prompts")
BASES = Path("results/bases")
CACHE = Path("results/cache")


@dataclass(frozen=True, eq=False)
class Plan:
    """Files and parameters of the configuration's current study. Paths are relative strings."""

    config: Config

    @property
    def study(self) -> StudySettings:
        """The current study."""
        return self.config.current

    @property
    def results(self) -> str:
        """The study's results folder."""
        return f"results/{self.config.study}"

    # Files

    def dataset(self, task: str, split: str) -> str:
        """Path of a dataset file."""
        return f"{self.results}/dataset/{task}/{split}.jsonl"

    def adapter(self, model: str, seed: int | str) -> str:
        """Path of an adapter's manifest."""
        return f"{self.results}/adapters/{model}/seed-{seed}/manifest.json"

    def predictions(self, model: str, seed: int | str, task: str) -> str:
        """Path of a predictions file."""
        return f"{self.results}/predictions/{model}/seed-{seed}/{task}.jsonl"

    def bertscore(self, model: str, seed: int | str, task: str) -> str:
        """Path of a file of BERTScore rows."""
        return f"{self.results}/bertscore/{model}/seed-{seed}/{task}.jsonl"

    def metrics(self, name: str, seed: int | str, task: str) -> str:
        """Path of a metrics file of a model or, with seed 0, a trivial baseline."""
        return f"{self.results}/metrics/{name}/seed-{seed}/{task}.json"

    @staticmethod
    def base(name: str) -> str:
        """Path of a base's manifest."""
        return str(BASES / name / "manifest.json")

    def template(self, model: str) -> str:
        """Path of a model's prompt template."""
        return str(TEMPLATES / f"{self.model(model).template}.jinja")

    def encoder(self) -> list[str]:
        """Manifest of the encoder for BERTScore; none where no task needs it."""
        settings = self.study.bertscore
        return [] if settings is None else [self.base(settings.encoder)]

    def source_files(self) -> list[str]:
        """Files that the records are made from; none for a hub data set."""
        data = self.study.data
        if isinstance(data, HubData):
            return []
        if isinstance(data, DemoData):
            return [str(data.catalogue), str(data.instructions)]
        return [data.path]

    def missing_source_files(self) -> list[str]:
        """Those of them that are not here; they are not needed where the dataset files are."""
        return [path for path in self.source_files() if not Path(path).is_file()]

    def check_source(self) -> None:
        """Look at the files that records are made from before anything runs.

        Raises:
            InputError: a file is broken, has tasks or splits that nothing maps, or is missing while
                a dataset file has yet to be made from it.
        """
        missing = self.missing_source_files()
        if missing and not all(Path(path).is_file() for path in self.dataset_files()):
            raise InputError(
                *(f"{path}: no such file: mend `data` of the study" for path in missing)
            )
        if not missing and isinstance(self.study.data, PathData):
            _ = self._parts

    # Lists of files

    def dataset_files(self) -> list[str]:
        """All dataset files."""
        return [
            self.dataset(task, split)
            for task in self.study.tasks
            for split in self._splits(self.task(task))
        ]

    def training_files(self, split: str) -> list[str]:
        """Dataset files of the tasks that train, for `train` or `val`."""
        return [self.dataset(task, split) for task in self.study.tasks if self.task(task).train]

    def base_files(self) -> list[str]:
        """Manifests of all weights that the study needs."""
        names = dict.fromkeys(model.base for model in self.study.models.values())
        if self.study.bertscore is not None:
            names[self.study.bertscore.encoder] = None
        return [self.base(name) for name in names]

    def adapter_files(self) -> list[str]:
        """Manifests of all adapters."""
        return [
            self.adapter(name, seed)
            for name, model in self.study.models.items()
            if model.tuned
            for seed in model.seeds
        ]

    def prediction_files(self) -> list[str]:
        """All predictions files."""
        return [self.predictions(*key) for key in self._scored()]

    def bertscore_files(self) -> list[str]:
        """All files of BERTScore rows."""
        return [self.bertscore(*key) for key in self._scored() if self.is_generation(key[2])]

    def metric_files(self) -> list[str]:
        """All metrics files, those of the trivial baselines included."""
        baselines = [
            self.metrics(baseline, 0, task)
            for baseline in self.study.baselines
            for task in self.baseline_tasks(baseline)
        ]
        return [self.metrics(*key) for key in self._scored()] + baselines

    # Entries

    def model(self, name: str) -> ModelSettings:
        """A model of the study."""
        return self.study.models[name]

    def task(self, code: str) -> TaskSettings:
        """A task of the registry."""
        return self.config.tasks[code]

    def is_generation(self, code: str) -> bool:
        """Whether the task is scored by BERTScore."""
        return self.task(code).metric == "bert_f1"

    @cached_property
    def test_tasks(self) -> tuple[str, ...]:
        """Tasks of the study that are evaluated."""
        return tuple(task for task in self.study.tasks if self.task(task).test)

    def baseline_tasks(self, baseline: str) -> tuple[str, ...]:
        """Evaluated tasks that a trivial baseline is defined for."""
        return tuple(
            task
            for task in self.test_tasks
            if baseline in applicable(self.task(task).kind())
            # The majority class is that of the training rows.
            and (baseline != "majority" or self.task(task).train)
        )

    # Parameters

    def dataset_settings(self, task: str, split: str) -> str:
        """`--settings` of the dataset script."""
        entry = self.task(task)
        settings = (
            tuple(
                setting
                for setting in self.study.settings
                if entry.ood or not setting.startswith("OOD_")
            )
            if split == "test"
            else (self.study.train_setting,)
        )
        return json_parameter(
            DatasetSettings(
                source=_for_one_file(self.study.data, task, split, self._labelled(task, split)),
                aliases=entry.aliases,
                answer=entry.answer,
                settings=settings,
            )
        )

    def dataset_modules(self) -> tuple[str, ...]:
        """Modules that the dataset script loads by name: that of the study's source."""
        return (f"ecslm.records.sources.{self.study.data.source}",)

    def dataset_code(self) -> str:
        """Digest of the code that loads and checks records of the study's source."""
        return code_parameter("dataset.py", *self.dataset_modules())

    def dataset_source(self, task: str, split: str) -> str:
        """What ties a dataset file to its source's content.

        Where the source is not here, as beside results that were copied from another machine, it is
        what the dataset file's manifest says.

        Raises:
            InputError: a local file is missing or broken, or names a task that no alias maps.
        """
        data = self.study.data
        manifest = manifest_of(Path(self.dataset(task, split)))
        if manifest.is_file() and not self._source_is_here(task, split):
            return str(read_manifest(manifest).content)
        if isinstance(data, HubData):
            content: Any = data.revision
        elif isinstance(data, DemoData):
            content = [sha256_of_file(Path(path)) for path in self.source_files()]
        else:
            content = self._part_digests(task, split)
        labels = getattr(data, "labels", None)
        if labels is not None and self._labelled(task, split):
            path = Path(labels.path)
            content = [content, sha256_of_file(path) if path.exists() else labels.sha256]
        return f"source:{sha256_of_text(canonical_json(content))[:32]}"

    def adapter_settings(self, model: str) -> str:
        """`--settings` of the training script."""
        return json_parameter(self._adapter_settings(model))

    def prediction_settings(self, model: str, task: str) -> str:
        """`--settings` of the prediction script.

        The token budget is part of them only where it can change an answer.
        """
        return json_parameter(self._prediction_settings(model, task))

    def base_settings(self, base: str) -> str:
        """`--settings` of the base script."""
        return canonical_json({"source": self.config.bases[base].model_dump(mode="json")})

    def bertscore_settings(self) -> str:
        """`--settings` of the BERTScore script; its defaults where no task needs it."""
        settings = self.study.bertscore
        fields = {} if settings is None else settings.model_dump(exclude={"encoder"})
        return json_parameter(BertScoreSettings(**fields))

    def score_settings(self, task: str) -> str:
        """`--settings` of the score scripts."""
        return json_parameter(
            ScriptSettings(task=self.task(task).kind(), scoring=self.study.scoring)
        )

    def score_modules(self, task: str) -> tuple[str, ...]:
        """Modules that a score script loads by name: the answer and the metric of one task."""
        entry = self.task(task)
        return f"ecslm.answers.{entry.answer}", f"ecslm.metrics.{entry.metric}"

    def score_code(self, script: str, task: str) -> str:
        """Digest of a score script with the answer and metric modules of one task."""
        return code_parameter(script, *self.score_modules(task))

    def adapter_versions(self, model: str) -> str:
        """Locked versions of the libraries that can change an adapter."""
        return version_parameter(self._adapter_settings(model).libraries)

    def prediction_versions(self, model: str, task: str) -> str:
        """Locked versions of the libraries that can change a prediction."""
        settings = self._prediction_settings(model, task)
        return version_parameter(settings.libraries(self.model(model).tuned))

    def bertscore_versions(self) -> str:
        """Locked versions of the libraries that can change a BERTScore."""
        return version_parameter(BERTSCORE_LIBRARIES)

    def score_versions(self) -> str:
        """Locked versions of the libraries that can change a score."""
        return version_parameter(SCORING_LIBRARIES)

    def template_digest(self, model: str) -> str:
        """Content of a model's prompt template."""
        return f"template:{sha256_of_file(Path(self.template(model)))}"

    # Helpers

    def _adapter_settings(self, model: str) -> AdapterSettings:
        entry = self.model(model)
        assert entry.training is not None, "only tuned models have adapters"
        return AdapterSettings(
            precision=entry.precision, shots=entry.shots, training=entry.training
        )

    def _prediction_settings(self, model: str, task: str) -> PredictionSettings:
        entry = self.model(model)
        return PredictionSettings(
            precision=entry.precision,
            shots=entry.shots,
            decoding=self.study.task_decoding.get(task, self.study.decoding),
            batch_tokens=None if entry.precision.exact else self.study.batch_tokens,
        )

    def _scored(self) -> Iterator[tuple[str, int, str]]:
        for name, model in self.study.models.items():
            for seed in model.seeds:
                for task in self.test_tasks:
                    yield name, seed, task

    @staticmethod
    def _splits(task: TaskSettings) -> tuple[str, ...]:
        return (("train", "val") if task.train else ()) + (("test",) if task.test else ())

    def _part_digests(self, task: str, split: str) -> list[str]:
        names = {task, *self.task(task).aliases}
        return [part.sha256 for part in self._parts if part.task in names and part.split == split]

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        """The parts of the local data file, none of which may belong nowhere."""
        data = self.study.data
        assert isinstance(data, PathData), "only a local file has parts"
        parts = read_index(Path(data.path), CACHE).parts
        tasks = {name for code, task in self.config.tasks.items() for name in (code, *task.aliases)}
        splits = ("train", "val", "test")
        problems = [
            f"{data.path}: task: {name} is no code or alias in `tasks`{nearest(name, tasks)}"
            for name in sorted({part.task for part in parts} - tasks)
        ] + [
            f"{data.path}: split: {name} is not one of {', '.join(splits)}"
            for name in sorted({part.split for part in parts}.difference(splits))
        ]
        if problems:
            raise InputError(*problems)
        return parts

    def _source_is_here(self, task: str, split: str) -> bool:
        files = self.source_files()
        labels = getattr(self.study.data, "labels", None)
        # A pinned label file need not be here: its sha256 is known.
        if labels is not None and labels.sha256 is None and self._labelled(task, split):
            files = [*files, labels.path]
        return all(Path(path).is_file() for path in files)

    def _labelled(self, task: str, split: str) -> bool:
        """Whether the records of a dataset file take relevance labels."""
        return self.task(task).answer == "ranking" and split == "test"


def _for_one_file(data: DataSource, task: str, split: str, labelled: bool) -> DataSource:
    """The source without what concerns other dataset files alone."""
    if isinstance(data, DemoData):
        # The examples of 1-shot test rows are training samples.
        sizes = ("train", "test_ind", "test_ood") if split == "test" else (split,)
        defaults = type(data)(source="demo")
        return defaults.model_copy(
            update={size: data.size(task, size) for size in sizes}
            | {"seed": data.seed, "catalogue": data.catalogue, "instructions": data.instructions}
        )
    return data if labelled else data.model_copy(update={"labels": None})
