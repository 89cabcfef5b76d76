"""The plan of a study: which files there are, and the parameters of the job that makes each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.config.schema import Config, ModelSettings, StudySettings
from ecslm.data.card.reports import CHECK, description_path, leakage_path
from ecslm.data.card.settings import DESCRIPTION_LIBRARIES, LEAKAGE_LIBRARIES, DescriptionSettings
from ecslm.data.checking import CheckedTask, CheckSettings
from ecslm.data.problems import MISPLACED
from ecslm.data.published import COUNTS, SETTINGS, read_counts
from ecslm.data.settings import DatasetSettings, DataSource, DemoData, HubData, PathData
from ecslm.data.sources.index import Index
from ecslm.data.sources.path import local_index
from ecslm.data.sources.reading import data_files
from ecslm.plan.parameters import code_parameter, json_parameter, version_parameter
from ecslm.prediction.backend import backend_module, module_name
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.paths import metric_path
from ecslm.schemas.task import TaskSettings
from ecslm.scoring.baselines import applicable
from ecslm.scoring.bertscore.settings import LIBRARIES as BERTSCORE_LIBRARIES
from ecslm.scoring.bertscore.settings import BertScoreSettings
from ecslm.scoring.inputs import ScriptSettings
from ecslm.scoring.settings import LIBRARIES as SCORING_LIBRARIES
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

    def data_check(self) -> str:
        """Path of the report on the source as a whole."""
        return f"{self.results}/{CHECK}"

    def description(self, task: str) -> str:
        """Path of the description of a task's records."""
        return f"{self.results}/{description_path(task)}"

    def leakage(self, task: str) -> str:
        """Path of the report on the overlap of a task's test records with training."""
        return f"{self.results}/{leakage_path(task)}"

    def data_card(self) -> str:
        """Path of the data card."""
        return f"{self.results}/data_card.md"

    def adapter(self, model: str, seed: int | str) -> str:
        """Path of an adapter's manifest."""
        return f"{self.results}/adapters/{model}/seed-{seed}/manifest.json"

    def predictions(self, model: str, seed: int | str, task: str) -> str:
        """Path of a predictions file."""
        return f"{self.results}/predictions/{model}/seed-{seed}/{task}.jsonl"

    def bertscore(self, model: str, seed: int | str, task: str) -> str:
        """Path of a file of BERTScore rows."""
        return f"{self.results}/bertscore/{model}/seed-{seed}/{task}.jsonl"

    def metrics(self, name: str, seed: int, task: str) -> str:
        """Path of a metrics file of a model or, with seed 0, a trivial baseline."""
        return f"{self.results}/{metric_path(name, seed, task)}"

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
        """Files or folders that the records are made from; none for a hub data set."""
        data = self.study.data
        if isinstance(data, HubData):
            return [data.id] if Path(data.id).is_dir() else []
        if isinstance(data, DemoData):
            return [str(data.catalogue), str(data.instructions)]
        return [data.path]

    def missing_source_files(self) -> list[str]:
        """Those of them that are not here, and labels that cannot be fetched; they are not needed
        where the dataset files are."""
        files = self.source_files()
        labels = getattr(self.study.data, "labels", None)
        if labels is not None and labels.url is None and self._is_labelled():
            files = [*files, labels.path]
        return [path for path in files if not Path(path).exists()]

    def check_source(self) -> None:
        """Look at the files that records are made from before anything runs.

        Raises:
            InputError: a file cannot be read, or is missing while a dataset file has yet to be made
                from it.
        """
        missing = self.missing_source_files()
        if missing and not all(Path(path).is_file() for path in self._made_from_source()):
            raise InputError(
                *(f"{path}: no such file: mend `data` of the study" for path in missing)
            )
        data = self.study.data
        if isinstance(data, PathData) and Path(data.path).exists():
            _ = self._index

    # Lists of files

    def dataset_files(self) -> list[str]:
        """All dataset files."""
        return [path for task in self.study.tasks for path in self.task_files(task)]

    def task_files(self, task: str) -> list[str]:
        """The dataset files of one task."""
        return [self.dataset(task, split) for split in self._splits(self.task(task))]

    def description_files(self) -> list[str]:
        """The descriptions of all tasks."""
        return [self.description(task) for task in self.study.tasks]

    def leakage_files(self) -> list[str]:
        """Reports on overlap, of the tasks that have both training and test records."""
        return [
            self.leakage(task)
            for task in self.study.tasks
            if self.task(task).train and self.task(task).test
        ]

    def other_training_files(self, task: str) -> list[str]:
        """Training files of the other tasks."""
        own = self.dataset(task, "train")
        return [path for path in self.training_files("train") if path != own]

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
    def described_model(self) -> str:
        """The model with whose tokenizer, prompt and lengths the data are described."""
        models = self.study.models
        named = self.study.described_with
        return named or min([name for name, model in models.items() if model.tuned] or models)

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

    def check_settings(self) -> str:
        """`--settings` of the script that checks the source."""
        data = self.study.data
        tasks = {
            code: CheckedTask(
                **self._form(code),
                splits={
                    split: self._settings(code, split)
                    for split in self._splits(task)
                    if code in self.study.tasks
                },
            )
            for code, task in self.config.tasks.items()
        }
        counts = () if isinstance(data, DemoData) else read_counts(COUNTS)
        return json_parameter(
            CheckSettings(
                source=_without_license(data),
                tasks=tasks,
                settings=tuple(
                    dict.fromkeys((*SETTINGS, self.study.train_setting, *self.study.settings))
                ),
                published=tuple(
                    count
                    for count in counts
                    if count.task in tasks
                    and count.setting in tasks[count.task].splits.get(count.split, ())
                ),
                comparable=self.study.published_comparable,
            )
        )

    def dataset_settings(self, task: str, split: str) -> str:
        """`--settings` of the dataset script."""
        return json_parameter(
            DatasetSettings(
                source=_for_one_file(self.study.data, task, split, self._labelled(task, split)),
                **self._form(task),
                settings=self._settings(task, split),
            )
        )

    def dataset_modules(self) -> tuple[str, ...]:
        """Modules that the scripts of the data stage load by name: that of the study's source."""
        return (f"ecslm.data.sources.{self.study.data.source}",)

    def dataset_code(self) -> str:
        """Digest of the code that loads and checks records of the study's source."""
        return code_parameter("dataset.py", *self.dataset_modules())

    def check_code(self) -> str:
        """Digest of the code that checks the study's source."""
        return code_parameter("check_data.py", *self.dataset_modules())

    def dataset_source(self, task: str, split: str) -> str:
        """What ties a dataset file to its source's content.

        Where the source is not here, as beside results that were copied from another machine, it is
        what the dataset file's manifest says.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        labelled = self._labelled(task, split)
        return self._source(self.dataset(task, split), labelled, self._digests(task, split))

    def check_source_content(self) -> str:
        """What ties the report on the source to its content; as `dataset_source`.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        return self._source(self.data_check(), self._is_labelled(), self._files_digest)

    def description_settings(self, task: str) -> str:
        """`--settings` of the script that describes a task's records."""
        model = self.model(self.described_model)
        training = model.training or self.study.training
        decoding = self.study.task_decoding.get(task, self.study.decoding)
        return json_parameter(
            DescriptionSettings(
                answer=self.task(task).answer,
                tokenizer=model.base,
                training_max_length=training.max_length if self.task(task).train else None,
                prediction_max_length=decoding.max_length,
                max_new_tokens=decoding.max_new_tokens,
            )
        )

    def description_versions(self) -> str:
        """Locked versions of the libraries that can change a description."""
        return version_parameter(DESCRIPTION_LIBRARIES)

    def leakage_versions(self) -> str:
        """Locked versions of the libraries that can change a report on overlap."""
        return version_parameter(LEAKAGE_LIBRARIES)

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
        return f"ecslm.scoring.answers.{entry.answer}", f"ecslm.scoring.metrics.{entry.metric}"

    def score_code(self, script: str, task: str) -> str:
        """Digest of a score script with the answer and metric modules of one task."""
        return code_parameter(script, *self.score_modules(task))

    def adapter_versions(self, model: str) -> str:
        """Locked versions of the libraries that can change an adapter."""
        return version_parameter(self._adapter_settings(model).libraries)

    def prediction_modules(self, model: str, task: str) -> tuple[str, ...]:
        """The module of the backend, which the prediction script loads by its name."""
        return (module_name(self._prediction_settings(model, task).backend),)

    def prediction_code(self, model: str, task: str) -> str:
        """Digest of the prediction script's code, with that of the backend."""
        return code_parameter("predict.py", *self.prediction_modules(model, task))

    def prediction_versions(self, model: str, task: str) -> str:
        """Locked versions of the libraries that can change a prediction."""
        settings = self._prediction_settings(model, task)
        backend = backend_module(settings.backend)
        return version_parameter(backend.libraries(settings, tuned=self.model(model).tuned))

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

    def _form(self, task: str) -> dict[str, Any]:
        """The form of a task's records, as fields of `RecordForm`."""
        return self.task(task).model_dump(include={"aliases", "answer", "input"})

    def _settings(self, task: str, split: str) -> tuple[str, ...]:
        """The settings that a dataset file has."""
        if split != "test":
            return (self.study.train_setting,)
        ood = self.task(task).ood
        return tuple(name for name in self.study.settings if ood or not name.startswith("OOD_"))

    def _made_from_source(self) -> list[str]:
        return [*self.dataset_files(), self.data_check()]

    def _source(self, result: str, labelled: bool, digests: Callable[[], Any]) -> str:
        """The parameter that ties a result to its source; `digests` of one that is here."""
        manifest = manifest_of(Path(result))
        if manifest.is_file() and not self._source_is_here(labelled):
            return str(read_manifest(manifest).content)
        data = self.study.data
        content: Any = digests()
        if isinstance(data, HubData):
            content = (
                [data.revision, *self._files_digest()] if self.source_files() else data.revision
            )
        labels = getattr(data, "labels", None)
        if labels is not None and labelled:
            path = Path(labels.path)
            content = [content, sha256_of_file(path) if path.exists() else labels.sha256]
        return f"source:{sha256_of_text(canonical_json(content))[:32]}"

    def _digests(self, task: str, split: str) -> Callable[[], list[str]]:
        """Of what a dataset file is made from: its own rows of a local file."""

        def digests() -> list[str]:
            if not isinstance(self.study.data, PathData):
                return self._files_digest()
            names = {task, *self.task(task).aliases}
            return [
                part.sha256
                for part in self._index.parts
                if part.task in names and part.split == split
            ]

        return digests

    def _files_digest(self) -> list[str]:
        if isinstance(self.study.data, PathData):
            return [text for one in self._index.files.items() for text in one]
        files = list(map(Path, self.source_files()))
        if isinstance(self.study.data, HubData):
            files = [file for folder in files for file in data_files(folder)]
        return [sha256_of_file(file) for file in files]

    @cached_property
    def _index(self) -> Index:
        """The index of the local data."""
        data = self.study.data
        assert isinstance(data, PathData), "only local files have an index"
        return local_index(Path(data.path), CACHE)

    def _source_is_here(self, labelled: bool) -> bool:
        files = self.source_files()
        labels = getattr(self.study.data, "labels", None)
        # A pinned label file need not be here: its sha256 is known.
        if labels is not None and labels.sha256 is None and labelled:
            files = [*files, labels.path]
        return all(Path(path).exists() for path in files)

    def ranked_by_output(self) -> tuple[str, ...]:
        """Ranking tasks whose relevance the order of the output gives, for want of labels."""
        if isinstance(self.study.data, DemoData) or self.study.data.labels is not None:
            return ()
        return tuple(task for task in self.test_tasks if self._labelled(task, "test"))

    def _is_labelled(self) -> bool:
        """Whether any dataset file takes relevance labels."""
        return any(self._labelled(task, "test") for task in self.test_tasks)

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
    data = _without_license(data)
    # Rows that belong to no file are dropped from none.
    tolerate = tuple(kind for kind in data.tolerate if kind not in MISPLACED)
    changes = {"tolerate": tolerate} | ({} if labelled else {"labels": None})
    return data.model_copy(update=changes)


def _without_license(data: DataSource) -> DataSource:
    """The source without what the data card alone shows."""
    return data if isinstance(data, DemoData) else data.model_copy(update={"license": None})
